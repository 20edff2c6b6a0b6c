//! [`Backlog`]: a bounded buffer between pipes that must be read and a sink that may be away.

use gantry_model::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::Notify;

/// Memory that a line takes besides its text.
const LINE_OVERHEAD: usize = 64;

#[derive(Debug)]
pub(super) struct Line {
    pub at: Timestamp,
    /// Which of the pipes.
    pub stream: &'static str,
    pub body: Box<str>,
}

impl Line {
    fn size(&self) -> usize {
        self.body.len() + LINE_OVERHEAD
    }
}

#[derive(Debug)]
pub(super) struct Backlog {
    state: Mutex<State>,
    more: Notify,
    room: Notify,
    capacity: usize,
    /// How long a full buffer may hold up the writer before lines are dropped; `None`: for ever.
    patience: Option<Duration>,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<Line>,
    bytes: usize,
    closed: bool,
    /// Patience ran out; until there is room, lines are dropped at once.
    dropping: bool,
    pushed: u64,
    dropped: u64,
}

impl Backlog {
    pub fn new(capacity: usize, patience: Option<Duration>) -> Self {
        Backlog { state: Mutex::default(), more: Notify::new(), room: Notify::new(), capacity, patience }
    }

    /// Waits for room, as long as patience lasts. A dropped line is counted.
    pub async fn push(&self, line: Line) {
        let Err(line) = self.try_push(line) else { return };
        let waiting = self.push_when_room(line);
        let dropped = match self.patience {
            _ if self.state.lock().dropping => true,
            Some(patience) => tokio::time::timeout(patience, waiting).await.is_err(),
            None => {
                waiting.await;
                false
            }
        };
        if dropped {
            self.count_drop();
        }
    }

    fn count_drop(&self) {
        let mut state = self.state.lock();
        if !state.dropping {
            tracing::warn!("the log store does not take lines and the buffer is full: lines are being dropped");
        }
        state.dropping = true;
        state.dropped += 1;
        state.pushed += 1;
    }

    async fn push_when_room(&self, mut line: Line) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            match self.try_push(line) {
                Ok(()) => return,
                Err(full) => line = full,
            }
            room.await;
        }
    }

    fn try_push(&self, line: Line) -> Result<(), Line> {
        let mut state = self.state.lock();
        if !state.lines.is_empty() && state.bytes + line.size() > self.capacity {
            return Err(line);
        }
        state.bytes += line.size();
        state.pushed += 1;
        state.dropping = false;
        state.lines.push_back(line);
        drop(state);
        self.more.notify_one();
        Ok(())
    }

    /// The oldest lines, about `bytes` of them; waits for the first. `None` when closed and empty.
    pub async fn take(&self, bytes: usize) -> Option<Vec<Line>> {
        loop {
            let lines = self.take_now(bytes);
            if !lines.is_empty() {
                self.room.notify_waiters();
                return Some(lines);
            }
            if self.state.lock().closed {
                return None;
            }
            self.more.notified().await;
        }
    }

    fn take_now(&self, bytes: usize) -> Vec<Line> {
        let mut state = self.state.lock();
        let mut lines = Vec::new();
        let mut taken = 0;
        while taken < bytes
            && let Some(line) = state.lines.pop_front()
        {
            taken += line.size();
            lines.push(line);
        }
        state.bytes -= taken;
        lines
    }

    /// No line will come any more.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.more.notify_one();
    }

    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    /// Lines that came, including dropped ones.
    pub fn pushed(&self) -> u64 {
        self.state.lock().pushed
    }

    pub fn dropped(&self) -> u64 {
        self.state.lock().dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(body: &str) -> Line {
        Line { at: Timestamp(0), stream: "stdout", body: body.into() }
    }

    #[tokio::test]
    async fn a_full_backlog_waits_and_then_drops_until_there_is_room() {
        let backlog = Backlog::new(2 * (LINE_OVERHEAD + 1), Some(Duration::from_millis(10)));
        for body in ["a", "b", "c", "d"] {
            backlog.push(line(body)).await;
        }
        assert_eq!((backlog.pushed(), backlog.dropped()), (4, 2));
        let taken = backlog.take(1).await.unwrap();
        assert_eq!(&*taken[0].body, "a");
        backlog.push(line("e")).await;
        backlog.close();
        let rest: Vec<_> = backlog.take(999).await.unwrap().into_iter().map(|l| l.body).collect();
        assert_eq!(rest, ["b".into(), "e".into()]);
        assert!(backlog.take(999).await.is_none());
    }

    #[tokio::test]
    async fn a_patient_writer_goes_on_when_there_is_room() {
        let backlog = Backlog::new(1, None);
        backlog.push(line("a")).await;
        let ((), taken) = tokio::join!(backlog.push(line("b")), backlog.take(1));
        assert_eq!(&*taken.unwrap()[0].body, "a");
        assert_eq!(&*backlog.take(1).await.unwrap()[0].body, "b");
    }
}
