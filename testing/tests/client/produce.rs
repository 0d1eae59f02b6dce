//! Producing: what is sent is what lies in the log, and what the caller hears of it is true.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use naru_client::{Acks, Codec, ErrorCode, ErrorKind, Record};

use crate::support::cluster::Cluster;
use crate::support::{numbered, within};

const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

#[tokio::test]
async fn records_lie_in_the_log_as_they_were_sent_with_every_codec() {
    let cluster = Cluster::any().await;
    for codec in CODECS {
        let topic = cluster.topic(1).await;
        let producer = cluster.producer_with(|builder| builder.compression(codec));
        let long = "a long value ".repeat(500);
        let sent = [
            Record::to(&*topic).key("key").value("value").header("a", "1").header("b", "2").header("a", "3"),
            Record::to(&*topic).value(long.clone()).timestamp(1_700_000_000_123),
            Record::to(&*topic).key("").value(""),
            Record::to(&*topic).key("tombstone"),
        ];
        let mut deliveries = Vec::new();
        for record in &sent {
            deliveries.push(within("room", producer.enqueue(record.clone())).await.unwrap());
        }
        for (offset, delivery) in deliveries.into_iter().enumerate() {
            let written = within("an outcome", delivery).await.unwrap();
            assert_eq!((written.partition, written.offset), (0, offset as i64));
            assert_eq!(written.topic, *topic);
        }
        let stored = cluster.stored(&topic, 0).await;
        assert_eq!(stored.len(), sent.len(), "{codec:?}");
        for (stored, sent) in stored.iter().zip(&sent) {
            let (found, expected) = (&stored.record, sent);
            assert_eq!((&found.key, &found.value, &found.headers), (&expected.key, &expected.value, &expected.headers));
            if let Some(timestamp) = sent.timestamp {
                assert_eq!(found.timestamp, timestamp);
            }
        }
        assert!(stored.iter().any(|stored| stored.codec() == codec), "{codec:?} was used");
    }
}

#[tokio::test]
async fn a_record_is_in_the_log_when_send_returns() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    for acks in [Acks::All, Acks::Leader] {
        let producer = cluster.producer_with(|builder| builder.acks(acks));
        let written = within("an outcome", producer.send(Record::to(&*topic).value("x"))).await.unwrap();
        let mut stored = cluster.stored(&topic, 0).await;
        while acks == Acks::Leader && stored.len() as i64 <= written.offset {
            // The leader has it, and readers see it a little later.
            stored = cluster.stored(&topic, 0).await;
        }
        let last = stored.last().expect("a record");
        assert_eq!((last.record.offset, last.record.timestamp), (written.offset, written.timestamp));
        assert_eq!(last.batch.has_producer(), acks == Acks::All, "idempotent with acks=all only");
    }
}

#[tokio::test]
async fn without_acknowledgement_records_arrive_and_nobody_knows_where() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.acks(Acks::None));
    for value in numbered(0..100) {
        let written = within("an outcome", producer.send(Record::to(&*topic).value(value))).await.unwrap();
        assert_eq!(written.offset, -1);
    }
    crate::support::until("all records", async || cluster.values(&topic, 0).await == numbered(0..100)).await;
}

#[tokio::test]
async fn records_of_one_partition_keep_their_order_over_many_small_batches() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(3).await;
    let producer = cluster.producer_with(|builder| builder.batch_size(200));
    let mut deliveries = Vec::new();
    for value in numbered(0..3000) {
        let partition = deliveries.len() as i32 % 3;
        let record = Record::to(&*topic).partition(partition).value(value);
        deliveries.push(within("room", producer.enqueue(record)).await.unwrap());
    }
    for (number, delivery) in deliveries.into_iter().enumerate() {
        let written = within("an outcome", delivery).await.unwrap();
        assert_eq!(written.offset, number as i64 / 3);
    }
    for partition in 0..3 {
        let expected: Vec<String> = (0..1000).map(|n| (3 * n + partition).to_string()).collect();
        let stored = cluster.stored(&topic, partition).await;
        assert_eq!(stored.iter().map(crate::support::log::Stored::value).collect::<Vec<_>>(), expected);
        let batches: BTreeSet<i64> = stored.iter().map(|stored| stored.batch.base_offset).collect();
        assert!(batches.len() > 50, "{} batches", batches.len());
    }
}

#[tokio::test]
async fn keys_go_where_the_java_client_sends_them() {
    // Key, partition of 7 and of 12, as the partitioner of kafka-clients 4.4.0 chooses them.
    let vectors = include_str!("../../../client/src/producer/murmur2.tsv").lines().step_by(5).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [key, _, _, of_7, of_12] = fields[..] else { panic!("{line}") };
        let digits = (0..key.len()).step_by(2);
        let key: Bytes = digits.map(|at| u8::from_str_radix(&key[at..at + 2], 16).unwrap()).collect();
        (key, of_7.parse::<i32>().unwrap(), of_12.parse::<i32>().unwrap())
    });
    let cluster = Cluster::any().await;
    let (seven, twelve) = (cluster.topic(7).await, cluster.topic(12).await);
    let producer = cluster.producer();
    let mut deliveries = Vec::new();
    for (key, of_7, of_12) in vectors {
        for (topic, expected) in [(&seven, of_7), (&twelve, of_12)] {
            let record = Record::to(&**topic).key(key.clone()).value("x");
            deliveries.push((key.clone(), expected, within("room", producer.enqueue(record)).await.unwrap()));
        }
    }
    for (key, expected, delivery) in deliveries {
        assert_eq!(within("an outcome", delivery).await.unwrap().partition, expected, "{key:?}");
    }
}

#[tokio::test]
async fn records_without_a_key_reach_every_partition_in_batches() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(4).await;
    let producer = cluster.producer_with(|builder| builder.batch_size(1000).linger(Duration::from_millis(20)));
    for value in numbered(0..2000) {
        drop(within("room", producer.enqueue(Record::to(&*topic).value(value))).await.unwrap());
    }
    within("a flush", producer.flush()).await;
    let mut all = Vec::new();
    for partition in 0..4 {
        let stored = cluster.stored(&topic, partition).await;
        let batches: BTreeSet<i64> = stored.iter().map(|stored| stored.batch.base_offset).collect();
        assert!(!stored.is_empty() && stored.len() > 4 * batches.len(), "{} in {}", stored.len(), batches.len());
        all.extend(stored.iter().map(|stored| stored.value().parse::<usize>().unwrap()));
    }
    all.sort_unstable();
    assert_eq!(all, (0..2000).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_refused_says_why_and_the_producer_goes_on() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic_with(2, &[("max.message.bytes", "2000")]).await;
    let producer = cluster.producer_with(|builder| builder.set("max.block.ms", "500").set("max.request.size", "5000"));
    let send = |record| within("an outcome", producer.send(record));

    let error = send(Record::to("no name for a topic!").value("x")).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::INVALID_TOPIC_EXCEPTION), "{error}");
    assert!(!error.is_retriable() && !error.is_fatal() && !error.may_have_been_written());

    let error = send(Record::to(&*topic).partition(2).value("x")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Config | ErrorKind::TimedOut) || error.is_not_found(), "{error}");
    assert!(!error.may_have_been_written());

    let error = send(Record::to(&*topic).value(vec![b'x'; 6000])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}");

    let error = send(Record::to(&*topic).partition(0).value(vec![b'x'; 3000])).await.unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::MESSAGE_TOO_LARGE), "{error}");
    assert!(!error.may_have_been_written());

    for partition in [0, 1] {
        send(Record::to(&*topic).partition(partition).value("fits")).await.unwrap();
        assert_eq!(cluster.values(&topic, partition).await, ["fits"]);
    }
}

#[tokio::test]
async fn a_batch_that_the_topic_finds_too_large_is_split() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic_with(1, &[("max.message.bytes", "2000")]).await;
    let producer = cluster.producer_with(|builder| builder.batch_size(16_000).linger(Duration::from_millis(100)));
    let mut deliveries = Vec::new();
    for n in 0..40 {
        let value = format!("{n:0>400}");
        deliveries.push(within("room", producer.enqueue(Record::to(&*topic).value(value))).await.unwrap());
    }
    for (n, delivery) in deliveries.into_iter().enumerate() {
        assert_eq!(within("an outcome", delivery).await.unwrap().offset, n as i64);
    }
    let stored = cluster.stored(&topic, 0).await;
    let numbers: Vec<usize> = stored.iter().map(|stored| stored.value().parse().unwrap()).collect();
    assert_eq!(numbers, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_buffer_hands_the_record_back_and_has_room_again() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.buffer_memory(20_000).linger(Duration::from_secs(5)));
    within("the topic", producer.send(Record::to(&*topic).value("known"))).await.unwrap();
    let mut taken = 1;
    let refused = loop {
        match producer.try_send(Record::to(&*topic).value(vec![b'x'; 1000])) {
            Ok(_delivery) => taken += 1,
            Err(refused) => break refused,
        }
        assert!(taken <= 20);
    };
    assert_eq!(refused.error.kind(), ErrorKind::WouldBlock);
    assert!(refused.error.is_retriable());
    assert_eq!(refused.record.value.as_ref().map(Bytes::len), Some(1000));
    assert!(producer.buffered_bytes() > 0);
    within("a flush", producer.flush()).await;
    assert_eq!(producer.buffered_bytes(), 0);
    drop(producer.try_send(*refused.record).expect("room again"));
    within("a flush", producer.flush()).await;
    assert_eq!(cluster.stored(&topic, 0).await.len(), taken + 1);
}

#[tokio::test]
async fn waiting_for_room_in_the_buffer_is_back_pressure() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.buffer_memory(10_000).batch_size(2_000));
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let (producer, topic) = (producer.clone(), topic.clone());
            tokio::spawn(async move {
                for n in 0..100 {
                    let record = Record::to(&*topic).value(format!("{task}:{n:0>500}"));
                    drop(within("room", producer.enqueue(record)).await.unwrap());
                    assert!(producer.buffered_bytes() <= 10_000);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    within("a close", producer.close(Duration::from_secs(20))).await.unwrap();
    let values = cluster.values(&topic, 0).await;
    for task in 0..4 {
        let of_task = values.iter().filter_map(|value| value.strip_prefix(&format!("{task}:")));
        let numbers: Vec<usize> = of_task.map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>(), "the order of task {task}");
    }
}

#[tokio::test]
async fn close_sends_what_waits_and_takes_nothing_more() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.linger(Duration::from_mins(1)));
    let clone = producer.clone();
    for value in numbered(0..100) {
        drop(within("room", producer.enqueue(Record::to(&*topic).value(value))).await.unwrap());
    }
    within("a close", producer.close(Duration::from_secs(20))).await.unwrap();
    assert_eq!(cluster.values(&topic, 0).await, numbered(0..100));
    let error = within("a refusal", clone.send(Record::to(&*topic).value("late"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.is_fatal() && !error.may_have_been_written());
}

#[tokio::test]
async fn a_dropped_producer_still_sends_what_it_took() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic(1).await;
    let producer = cluster.producer_with(|builder| builder.linger(Duration::from_millis(50)));
    // Kafka shows a topic before its partitions can be read; after a first record they can.
    within("an outcome", producer.send(Record::to(&*topic).value("0"))).await.unwrap();
    for value in numbered(1..100) {
        drop(within("room", producer.enqueue(Record::to(&*topic).value(value))).await.unwrap());
    }
    drop(producer);
    crate::support::until("all records", async || cluster.values(&topic, 0).await == numbered(0..100)).await;
}

#[tokio::test]
async fn the_time_stamp_of_the_append_is_told_where_the_topic_has_it() {
    let cluster = Cluster::any().await;
    let topic = cluster.topic_with(1, &[("message.timestamp.type", "LogAppendTime")]).await;
    let producer = cluster.producer();
    let record = Record::to(&*topic).value("x").timestamp(1_700_000_000_000);
    let written = within("an outcome", producer.send(record)).await.unwrap();
    let stored = cluster.stored(&topic, 0).await;
    assert!(written.timestamp > 1_700_000_000_000);
    assert_eq!(written.timestamp, stored[0].batch.max_timestamp);
}
