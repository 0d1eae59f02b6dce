//! `DeleteRecords`: what is before an offset goes, at once and for good.

use naru_protocol::ErrorCode;
use naru_protocol::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsTopic,
};
use naru_protocol::messages::fetch::FetchRequest;
use naru_protocol::records::Codec;

use crate::client::{
    Client, EARLIEST, LATEST, batch, batch_at, bytes, fetch_request, produce_request, sequenced, values,
};
use crate::process::BrokerProcess;
use crate::setup::{LONG_AGO, TestBroker, wait_until};

const TOPIC: &str = "crossings";
const TO_THE_END: i64 = -1;

async fn delete_before(client: &mut Client, offset: i64) -> DeleteRecordsPartitionResult {
    let partition = DeleteRecordsPartition { partition_index: 0, offset };
    let topic = DeleteRecordsTopic { name: TOPIC.into(), partitions: vec![partition] };
    let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 10_000 };
    client.send(&request, 2).await.expect("an answer").topics.remove(0).partitions.remove(0)
}

async fn check_start(client: &mut Client, start: i64) {
    assert_eq!(client.read(TOPIC, start - 1).await.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
    let at_start = client.read(TOPIC, start).await;
    assert_eq!((at_start.error_code, at_start.log_start_offset), (ErrorCode::NONE, start));
    assert_eq!(client.list_offset(TOPIC, EARLIEST).await.offset, start);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_stays_deleted_after_kill_9_however_soon() {
    let mut broker = BrokerProcess::start("");
    let mut client = Client::connect(broker.address()).await;
    client.create(TOPIC, 1, &[]).await;
    for start in [3, 4, 9, 10] {
        while client.list_offset(TOPIC, LATEST).await.offset < 10 {
            client.append(TOPIC, batch(&["a", "b"])).await;
        }
        let deleted = delete_before(&mut client, start).await;
        assert_eq!((deleted.error_code, deleted.low_watermark), (ErrorCode::NONE, start));
        broker.kill_and_start_again();
        client = Client::connect(broker.address()).await;
        check_start(&mut client, start).await;
        assert_eq!(client.list_offset(TOPIC, LATEST).await.offset, 10);
    }
    assert_eq!(client.append(TOPIC, batch(&["next"])).await, 10, "offsets go on");
    assert_eq!(client.values(TOPIC, 10).await, ["next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whole_segments_are_removed_and_the_one_that_is_cut_stays() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[("segment.bytes", "1048576"), ("file.delete.delay.ms", "0")]).await;
    let value = "x".repeat(200_000);
    for _ in 0..22 {
        client.append(TOPIC, batch_at(&[(LONG_AGO, &value)], Codec::None)).await;
    }
    // Five records to a segment.
    wait_until("full segments are sealed", async || broker.files(TOPIC, 0, ".index").len() >= 4).await;
    assert_eq!(delete_before(&mut client, 12).await.low_watermark, 12);
    let kept: Vec<String> = [10, 15, 20].map(|base| format!("{base:020}.log")).to_vec();
    assert_eq!(broker.files(TOPIC, 0, ".log"), kept);
    check_start(&mut client, 12).await;
    assert_eq!(delete_before(&mut client, TO_THE_END).await.low_watermark, 22);
    assert_eq!(broker.files(TOPIC, 0, ".log"), kept[2..]);
    drop(client);

    let broker = broker.restart().await;
    let mut client = broker.client().await;
    check_start(&mut client, 22).await;
    assert_eq!(client.append(TOPIC, batch(&["next"])).await, 22);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_that_nobody_has_seen_cannot_be_deleted() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, batch(&["a", "b"])).await;
    for offset in [3, i64::MAX, -2, i64::MIN] {
        let refused = delete_before(&mut client, offset).await;
        assert_eq!((refused.error_code, refused.low_watermark), (ErrorCode::OFFSET_OUT_OF_RANGE, -1), "{offset}");
    }
    assert_eq!(client.values(TOPIC, 0).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_that_waits_does_not_give_out_what_is_deleted_meanwhile() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 2, &[]).await;
    let one = batch(&["x"]);
    client.append(TOPIC, one.clone()).await;
    client.append(TOPIC, one.clone()).await;
    let mut reader = broker.client().await;
    let mut request = fetch_request(&[(TOPIC, 0, 0), (TOPIC, 1, 0)], 60_000);
    request.min_bytes = 3 * one.len() as i32;
    reader.submit(&request, 11).await.expect("sent");
    let partition = broker.running().broker().partition(TOPIC, 0).expect("it is open");
    wait_until("the fetch has read and waits", async || partition.high_watermark().waiting() == 1).await;
    delete_before(&mut client, 1).await;
    // Nothing happens in the first partition: that the fetch looks at it again is for the sake of what was deleted.
    client.send(&produce_request(TOPIC, 1, one, -1), 11).await.expect("an answer");
    let answer = reader.receive::<FetchRequest>().await.expect("an answer");
    let [first, second] = &answer.responses[0].partitions[..] else { panic!("{answer:?}") };
    assert_eq!((first.error_code, bytes(first).len()), (ErrorCode::OFFSET_OUT_OF_RANGE, 0));
    assert_eq!(values(second), ["x"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_whose_records_are_deleted_is_still_known() {
    let broker = TestBroker::start("").await;
    let mut client = broker.client().await;
    client.create(TOPIC, 1, &[]).await;
    client.append(TOPIC, sequenced((7, 0, 0), &["a"])).await;
    assert_eq!(delete_before(&mut client, TO_THE_END).await.low_watermark, 1);
    assert_eq!(client.append(TOPIC, sequenced((7, 0, 0), &["a"])).await, 0, "it is a duplicate");
    let gap = client.produce(TOPIC, sequenced((7, 0, 2), &["c"])).await;
    assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!(client.append(TOPIC, sequenced((7, 0, 1), &["b"])).await, 1);
}
