//! News of many partitions at once, for a reader that follows them: which of them moved, without looking at the others.
//!
//! A [`Watch`] stands in the table of one high watermark until its offset is reached; then it leaves its number here and
//! wakes the reader, if one waits. It outlives the request that set it up, so that a reader with thousands of quiet partitions
//! finds them watched when it comes again.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

use super::high_watermark::{HighWatermark, Reached};
use crate::storage::types::Offset;

/// Where watches leave their numbers. One reader at a time waits for them.
#[derive(Debug, Default)]
pub struct News(Mutex<Arrived>);

#[derive(Debug, Default)]
struct Arrived {
    numbers: Vec<usize>,
    rung: bool,
    reader: Option<Waker>,
}

/// The wait for one partition. Dropping it ends the wait.
#[derive(Debug)]
#[must_use = "a watch that is dropped brings no news"]
pub struct Watch(#[expect(dead_code, reason = "holds the place in the table")] Reached<Arc<HighWatermark>>);

/// What a watch does when its offset is reached, or never will be.
struct Deliver {
    news: Arc<News>,
    number: usize,
}

impl Wake for Deliver {
    fn wake(self: Arc<Self>) {
        self.news.deliver(Some(self.number));
    }
}

impl News {
    /// Watches a high watermark: when it is at `target` or above it, or its log closes, `number` arrives, once. At once if it is
    /// so already.
    pub fn watch(self: &Arc<Self>, high_watermark: &Arc<HighWatermark>, target: Offset, number: usize) -> Watch {
        let waker = Waker::from(Arc::new(Deliver { news: Arc::clone(self), number }));
        let mut reached = Reached::new(Arc::clone(high_watermark), target);
        if Pin::new(&mut reached).poll(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake();
        }
        Watch(reached)
    }

    /// Wakes the reader without any number: something else has changed that it should know.
    pub fn ring(&self) {
        self.deliver(None);
    }

    /// The numbers that arrived since the last time.
    pub fn take(&self) -> Vec<usize> {
        let mut arrived = self.0.lock();
        arrived.rung = false;
        std::mem::take(&mut arrived.numbers)
    }

    /// Waits until there is something to take, or [`News::ring`] was called.
    pub fn arrived(&self) -> impl Future<Output = ()> {
        poll_fn(|cx| {
            let mut arrived = self.0.lock();
            if arrived.rung || !arrived.numbers.is_empty() {
                return Poll::Ready(());
            }
            if !arrived.reader.as_ref().is_some_and(|reader| reader.will_wake(cx.waker())) {
                arrived.reader = Some(cx.waker().clone());
            }
            Poll::Pending
        })
    }

    fn deliver(&self, number: Option<usize>) {
        let reader = {
            let mut arrived = self.0.lock();
            match number {
                Some(number) => arrived.numbers.push(number),
                None => arrived.rung = true,
            }
            arrived.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::{Closed, Follows};
    use super::*;

    #[derive(Default)]
    struct Reader(AtomicUsize);

    impl Wake for Reader {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn poll(news: &News, reader: &Arc<Reader>) -> Poll<()> {
        let mut arrived = Box::pin(news.arrived());
        arrived.as_mut().poll(&mut Context::from_waker(&Waker::from(Arc::clone(reader))))
    }

    fn at(value: i64) -> Arc<HighWatermark> {
        Arc::new(HighWatermark::new(Offset(value), Follows::DurableEnd))
    }

    #[test]
    fn whoever_waits_is_woken_once_and_told_which_partition_moved() {
        let (news, reader, a, b) = (Arc::<News>::default(), Arc::default(), at(0), at(0));
        let _watches = [news.watch(&a, Offset(5), 1), news.watch(&b, Offset(7), 2)];
        assert!(poll(&news, &reader).is_pending());
        a.advance(Offset(4));
        b.advance(Offset(7));
        b.advance(Offset(9));
        assert_eq!(reader.0.load(Ordering::SeqCst), 1);
        assert!(poll(&news, &reader).is_ready());
        assert_eq!((news.take(), a.waiting(), b.waiting()), (vec![2], 1, 0));
        assert!(poll(&news, &reader).is_pending());
    }

    #[test]
    fn what_is_reached_or_closed_is_news_at_once() {
        let (news, reader, a, b) = (Arc::<News>::default(), Arc::default(), at(5), at(0));
        b.close(Closed::Deleted);
        let _watches = [news.watch(&a, Offset(5), 1), news.watch(&b, Offset(7), 2)];
        assert!(poll(&news, &reader).is_ready());
        assert_eq!(news.take(), [1, 2]);
    }

    #[test]
    fn news_wait_for_a_reader_that_is_not_there() {
        let (news, reader, a) = (Arc::<News>::default(), Arc::default(), at(0));
        let _watch = news.watch(&a, Offset(1), 7);
        a.close(Closed::Offline);
        assert!(poll(&news, &reader).is_ready());
        assert_eq!(news.take(), [7]);
    }

    #[test]
    fn a_dropped_watch_leaves_no_trace() {
        let (news, a) = (Arc::<News>::default(), at(0));
        drop(news.watch(&a, Offset(1), 7));
        assert_eq!(a.waiting(), 0);
        a.advance(Offset(1));
        assert!(news.take().is_empty());
    }

    #[test]
    fn a_ring_wakes_without_news() {
        let (news, reader) = (Arc::<News>::default(), Arc::default());
        assert!(poll(&news, &reader).is_pending());
        news.ring();
        assert_eq!(reader.0.load(Ordering::SeqCst), 1);
        assert!(poll(&news, &reader).is_ready());
        assert!(news.take().is_empty());
        assert!(poll(&news, &reader).is_pending());
    }
}
