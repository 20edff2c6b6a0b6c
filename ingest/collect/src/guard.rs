//! [`Guard`]: calls that may never return, such as `statfs` on a file server that is gone.

use crate::error::CollectError;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Runs calls on threads of their own and stops waiting for those that take too long. Such a call keeps its thread until
/// it returns, and is not made again before: a thing that hangs costs one thread, however often it is asked for.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    under_way: Arc<Mutex<HashSet<String>>>,
}

impl Guard {
    /// What `call` returns; `key` names it among all calls.
    ///
    /// # Errors
    /// `Hangs` when it takes longer than `limit`, or an earlier call of that name has not returned yet; `Panicked`.
    pub fn call<T: Send + 'static>(
        &self,
        key: &str,
        limit: Duration,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, CollectError> {
        if !self.under_way.lock().insert(key.to_owned()) {
            return Err(CollectError::Hangs(limit));
        }
        let (answer, answered) = sync_channel(1);
        let leave = Leave { under_way: self.under_way.clone(), key: key.to_owned() };
        let spawned = thread::Builder::new().name("collect".to_owned()).spawn(move || {
            let _leave = leave;
            // Nobody may wait any more.
            let _ = answer.send(call());
        });
        if let Err(source) = spawned {
            return Err(CollectError::Unreadable { path: key.into(), source });
        }
        answered.recv_timeout(limit).map_err(|error| match error {
            RecvTimeoutError::Timeout => CollectError::Hangs(limit),
            RecvTimeoutError::Disconnected => CollectError::Panicked,
        })
    }

    /// How many calls have not returned.
    pub fn under_way(&self) -> usize {
        self.under_way.lock().len()
    }
}

/// Takes the name back when the call returns or panics.
struct Leave {
    under_way: Arc<Mutex<HashSet<String>>>,
    key: String,
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.under_way.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;
    use std::time::Instant;

    const LONG: Duration = Duration::from_secs(20);

    fn eventually_free(guard: &Guard) {
        let deadline = Instant::now() + LONG;
        while guard.under_way() > 0 {
            assert!(Instant::now() < deadline, "the thread ends");
            thread::yield_now();
        }
    }

    #[test]
    fn what_hangs_is_left_alone_until_it_comes_back() {
        let guard = Guard::default();
        let (wake, sleeper) = sync_channel::<()>(1);
        let hangs = guard.call("a", Duration::from_millis(5), move || sleeper.recv());
        assert!(matches!(hangs, Err(CollectError::Hangs(_))), "{hangs:?}");
        assert!(matches!(guard.call("a", LONG, || 1), Err(CollectError::Hangs(_))), "not asked again");
        assert_eq!(guard.call("b", LONG, || 2).unwrap(), 2, "others are");
        wake.send(()).unwrap();
        eventually_free(&guard);
        assert_eq!(guard.call("a", LONG, || 3).unwrap(), 3);
    }

    #[test]
    fn a_panic_is_a_failure_of_that_call_alone() {
        let guard = Guard::default();
        let fails = guard.call("a", LONG, || assert!(guard_is_broken()));
        assert!(matches!(fails, Err(CollectError::Panicked)), "{fails:?}");
        eventually_free(&guard);
        guard.call("a", LONG, || ()).unwrap();
    }

    fn guard_is_broken() -> bool {
        false
    }
}
