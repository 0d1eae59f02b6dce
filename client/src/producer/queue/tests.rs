//! Order and sequence numbers through all that can go wrong.

use naru_protocol::records::{Batch, BatchHeader};

use super::*;
use crate::ErrorKind;

const RULES: Rules = Rules { codec: Codec::None, batch_size: 1000, linger: Duration::from_millis(5), eager: false };
const IDENTITY: Option<(i64, i16)> = Some((77, 0));

fn queue() -> Arc<PartitionQueue> {
    PartitionQueue::new(TopicPartition::new("orders", 0))
}

/// Adds a record that fills a batch of its own.
fn fill(queue: &PartitionQueue, value: &str) -> Delivery {
    queue.push(&Record::to("orders").value(value.to_owned()), 1, 1000, &RULES).unwrap().delivery
}

/// Takes the next batch: its value, and its sequence.
fn take(queue: &PartitionQueue) -> Option<(ClosedBatch, String, Sequence)> {
    let Taken::Batch(mut batch, sequence) = queue.take(IDENTITY, usize::MAX) else { return None };
    let bytes = batch.encoded(sequence).unwrap();
    let record = Batch::parse(bytes.clone()).unwrap().records().next().unwrap().unwrap();
    let header = BatchHeader::parse(&bytes).unwrap();
    assert_eq!(sequence.unwrap().base, header.base_sequence);
    Some((*batch, String::from_utf8(record.value.unwrap().to_vec()).unwrap(), sequence.unwrap()))
}

fn wants(queue: &PartitionQueue) -> Wants {
    queue.wants(Instant::now() + Duration::from_mins(1), &RULES, false, false)
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_when_it_is_full_or_old_or_somebody_hurries() {
    let queue = queue();
    let now = Instant::now();
    assert_eq!(queue.wants(now, &RULES, false, false), Wants::Nothing);
    let pushed = queue.push(&Record::to("orders").value("small"), 1, 50, &RULES).unwrap();
    assert!(pushed.list && pushed.tell_sender);
    let pushed = queue.push(&Record::to("orders").value("small"), 1, 50, &RULES).unwrap();
    assert!(!pushed.list && !pushed.tell_sender);
    assert_eq!(queue.wants(now, &RULES, true, false), Wants::Time(now + RULES.linger));
    assert_eq!(queue.wants(now, &RULES, true, true), Wants::Sending);
    assert_eq!(queue.wants(now, &Rules { eager: true, ..RULES }, true, false), Wants::Sending);
    assert_eq!(queue.wants(now, &Rules { eager: true, ..RULES }, false, false), Wants::Time(now + RULES.linger));
    assert_eq!(queue.wants(now + RULES.linger, &RULES, false, false), Wants::Sending);
    drop(fill(&queue, "large"));
    assert_eq!(queue.wants(now, &RULES, false, false), Wants::Sending);
}

#[tokio::test]
async fn what_fails_for_a_while_goes_out_again_in_order_under_the_same_numbers() {
    let queue = queue();
    for value in ["a", "b", "c", "d"] {
        drop(fill(&queue, value));
    }
    let (a, b, c) = (take(&queue).unwrap().0, take(&queue).unwrap().0, take(&queue).unwrap().0);
    let sequences = [&a, &b, &c].map(|batch| batch.sent_as.unwrap().base);
    assert_eq!(sequences, [0, 1, 2]);
    queue.done(&a, false);
    // The answers come in any order, as after a lost connection.
    queue.again(c, Instant::now());
    assert_eq!(wants(&queue), Wants::Answers, "nothing overtakes what is in flight");
    assert!(queue.something_before(Place { batch: 2, first_record: 0 }));
    queue.again(b, Instant::now());
    assert_eq!(wants(&queue), Wants::Sending);
    let again: Vec<_> =
        std::iter::from_fn(|| take(&queue)).map(|(_, value, sequence)| (value, sequence.base)).collect();
    assert_eq!(again, [("b".to_owned(), 1), ("c".to_owned(), 2), ("d".to_owned(), 3)]);
}

fn epoch(epoch: i16, base: i32) -> Sequence {
    Sequence { producer_id: 77, epoch, base }
}

fn rest(queue: &PartitionQueue) -> Vec<(String, Sequence)> {
    std::iter::from_fn(|| take(queue)).map(|(_, value, sequence)| (value, sequence)).collect()
}

#[tokio::test]
async fn a_batch_that_fails_for_good_begins_a_new_epoch() {
    let queue = queue();
    for value in ["a", "b", "c"] {
        drop(fill(&queue, value));
    }
    let (a, b) = (take(&queue).unwrap().0, take(&queue).unwrap().0);
    queue.done(&a, true);
    assert!(!queue.something_before(b.place));
    assert_eq!(wants(&queue), Wants::Answers);
    // The broker does not take the second without the first.
    queue.again_anew(b, Instant::now());
    assert_eq!(rest(&queue), [("b".to_owned(), epoch(1, 0)), ("c".to_owned(), epoch(1, 1))]);
}

#[tokio::test]
async fn a_batch_that_fails_alone_begins_a_new_epoch_at_once() {
    let queue = queue();
    for value in ["a", "b"] {
        drop(fill(&queue, value));
    }
    let (a, ..) = take(&queue).unwrap();
    queue.done(&a, true);
    assert_eq!(rest(&queue), [("b".to_owned(), epoch(1, 0))]);
}

#[tokio::test]
async fn what_was_sent_behind_a_batch_given_up_is_not_written_twice() {
    let queue = queue();
    for value in ["a", "b", "c"] {
        drop(fill(&queue, value));
    }
    let (a, b) = (take(&queue).unwrap().0, take(&queue).unwrap().0);
    // The connection broke: the broker may have both.
    queue.done(&a, true);
    queue.again(b, Instant::now());
    let (b, value, sequence) = take(&queue).unwrap();
    assert_eq!((value.as_str(), sequence), ("b", epoch(0, 1)), "the broker recognises it");
    queue.done(&b, false);
    assert_eq!(rest(&queue), [("c".to_owned(), epoch(0, 2))], "it had the first too: nothing is missing");
}

#[tokio::test]
async fn when_the_epochs_are_used_up_another_producer_id_is_needed() {
    let queue = queue();
    for value in ["a", "b"] {
        drop(fill(&queue, value));
    }
    let Taken::Batch(mut a, sequence) = queue.take(Some((77, i16::MAX)), usize::MAX) else { panic!() };
    a.encoded(sequence).unwrap();
    queue.done(&a, true);
    assert!(matches!(queue.take(IDENTITY, usize::MAX), Taken::Spent(77)));
    let Taken::Batch(_, sequence) = queue.take(Some((78, 0)), usize::MAX) else { panic!() };
    assert_eq!(sequence, Some(Sequence { producer_id: 78, epoch: 0, base: 0 }));
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_too_long_is_told_once_and_keeps_its_place() {
    let queue = queue();
    let timeout = Duration::from_secs(5);
    let delivery = fill(&queue, "a");
    let (a, ..) = take(&queue).unwrap();
    assert_eq!(queue.overdue(Instant::now(), timeout).1, Some(Instant::now() + timeout));
    tokio::time::advance(timeout).await;
    let (overdue, next) = queue.overdue(Instant::now(), timeout);
    assert!(matches!(&overdue[..], [Overdue { maybe_written: true, freed: 0, .. }]));
    assert_eq!(next, None);
    overdue[0].outcome.failed(Error::new(ErrorKind::TimedOut, "too late"));
    assert_eq!(delivery.await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(queue.overdue(Instant::now(), timeout).0.is_empty());
    drop(fill(&queue, "b"));
    queue.done(&a, false);
    assert_eq!(rest(&queue), [("b".to_owned(), epoch(0, 1))], "the broker has it after all");
}

#[tokio::test]
async fn no_batch_is_open_longer_than_the_broker_would_recognise_it() {
    let queue = queue();
    drop(fill(&queue, "first"));
    queue.done(&take(&queue).unwrap().0, false);
    for value in ["a", "b", "c", "d", "e", "f"] {
        drop(fill(&queue, value));
    }
    let mut sent: Vec<_> = (0..5).map(|_| take(&queue).unwrap().0).collect();
    assert_eq!(wants(&queue), Wants::Answers);
    let a = sent.remove(0);
    // Answers to later ones do not help the first.
    for batch in &sent {
        queue.done(batch, false);
    }
    assert_eq!(wants(&queue), Wants::Answers);
    queue.again(a, Instant::now());
    let (a, value, _) = take(&queue).unwrap();
    assert_eq!(value, "a");
    assert_eq!(wants(&queue), Wants::Answers, "it is sent again, and still the oldest");
    queue.done(&a, false);
    assert_eq!(take(&queue).unwrap().1, "f");
}

#[tokio::test]
async fn a_batch_that_does_not_fit_stays() {
    let queue = queue();
    drop(fill(&queue, "a"));
    assert!(matches!(queue.take(IDENTITY, 10), Taken::Nothing));
    assert_eq!(wants(&queue), Wants::Sending);
    assert_eq!(rest(&queue), [("a".to_owned(), epoch(0, 0))]);
}

#[tokio::test]
async fn the_first_pause_is_not_cut_short_by_a_later_answer() {
    let queue = queue();
    for value in ["a", "b"] {
        drop(fill(&queue, value));
    }
    let (a, b) = (take(&queue).unwrap().0, take(&queue).unwrap().0);
    let later = Instant::now() + Duration::from_secs(1);
    queue.again(a, later);
    queue.again(b, Instant::now());
    assert_eq!(queue.wants(Instant::now(), &RULES, false, false), Wants::Time(later));
}

#[tokio::test]
async fn a_broker_that_forgot_the_producer_gets_new_numbers() {
    let queue = queue();
    for value in ["a", "b"] {
        drop(fill(&queue, value));
    }
    let (a, b) = (take(&queue).unwrap().0, take(&queue).unwrap().0);
    assert!(queue.something_before(b.place));
    queue.again_anew(a, Instant::now());
    assert!(queue.something_before(b.place));
    queue.again(b, Instant::now());
    assert_eq!(rest(&queue), [("a".to_owned(), epoch(1, 0)), ("b".to_owned(), epoch(1, 1))]);
}

#[tokio::test]
async fn the_halves_of_a_batch_go_before_what_came_after_it() {
    let queue = queue();
    for value in ["1", "2", "3"] {
        drop(queue.push(&Record::to("orders").value(value), 1, 50, &RULES).unwrap().delivery);
    }
    drop(fill(&queue, "later"));
    let (whole, ..) = take(&queue).unwrap();
    let (later, ..) = take(&queue).unwrap();
    queue.split(&whole, whole.halves(Codec::None).unwrap());
    queue.again(later, Instant::now());
    let sent: Vec<_> = std::iter::from_fn(|| take(&queue)).collect();
    let order: Vec<_> = sent.iter().map(|(_, value, sequence)| (value.as_str(), sequence.base)).collect();
    assert_eq!(order, [("1", 0), ("2", 1), ("later", 3)]);
    // Back in the wrong order, out in the right one.
    sent.into_iter().rev().for_each(|(batch, ..)| queue.again(batch, Instant::now()));
    let order: Vec<_> = std::iter::from_fn(|| take(&queue)).map(|(_, value, _)| value).collect();
    assert_eq!(order, ["1", "2", "later"]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_too_long_is_given_up_and_leaves_a_gap_only_if_it_was_sent() {
    let queue = queue();
    for value in ["a", "b"] {
        drop(fill(&queue, value));
    }
    let (a, ..) = take(&queue).unwrap();
    queue.again(a, Instant::now());
    tokio::time::advance(Duration::from_secs(10)).await;
    drop(fill(&queue, "young"));
    let (overdue, next) = queue.overdue(Instant::now(), Duration::from_secs(5));
    assert_eq!(overdue.len(), 2);
    assert_eq!(next, Some(Instant::now() + Duration::from_secs(5)));
    let (_, value, sequence) = take(&queue).unwrap();
    assert_eq!((value.as_str(), sequence), ("young", Sequence { producer_id: 77, epoch: 1, base: 0 }));
}

#[tokio::test]
async fn an_abandoned_queue_tells_everyone() {
    let queue = queue();
    let deliveries = ["in flight", "closed", "open"].map(|value| fill(&queue, value));
    let (_in_flight, ..) = take(&queue).unwrap();
    queue.abandon(&Error::new(ErrorKind::Closed, "the producer is closed"));
    for (delivery, maybe_written) in deliveries.into_iter().zip([true, false, false]) {
        let error = delivery.await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_been_written()), (ErrorKind::Closed, maybe_written));
    }
    assert_eq!(wants(&queue), Wants::Nothing);
}
