//! How many shards a remote should have.

/// What was seen in the last while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Bytes of the log that were not read yet.
    pub behind: u64,
    /// The same, a while ago.
    pub behind_before: u64,
    /// Whether the remote takes what it is sent. More shards do not help one that is away.
    pub is_taking: bool,
}

/// Fewer bytes than this behind is as good as none.
const CLOSE: u64 = 256 << 10;
/// More than this is a backlog.
const FAR: u64 = 4 << 20;

/// Twice as many when a backlog does not shrink; half as many, some day, when there is none. `quiet` counts how often in a
/// row there was none.
pub(crate) fn desired(now: usize, (min, max): (usize, usize), seen: Seen, quiet: &mut u32) -> usize {
    let shrinks = seen.behind < seen.behind_before;
    if seen.behind > FAR && !shrinks && seen.is_taking {
        *quiet = 0;
        return (now * 2).clamp(min, max);
    }
    // Shards end when they have nothing left, which takes a remote that is there.
    *quiet = if seen.behind <= CLOSE && seen.is_taking { *quiet + 1 } else { 0 };
    if *quiet >= 60 && now > min {
        *quiet = 0;
        return (now / 2).clamp(min, max);
    }
    now.clamp(min, max)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_backlog_that_does_not_shrink_gets_more_shards() {
        let seen = |behind, behind_before, is_taking| Seen { behind, behind_before, is_taking };
        let desired = |now, seen| desired(now, (1, 6), seen, &mut 0);
        assert_eq!(desired(1, seen(9 * MIB, 8 * MIB, true)), 2);
        assert_eq!(desired(4, seen(9 * MIB, 8 * MIB, true)), 6, "but not more than there may be");
        assert_eq!(desired(2, seen(8 * MIB, 9 * MIB, true)), 2, "it shrinks");
        assert_eq!(desired(2, seen(9 * MIB, 8 * MIB, false)), 2, "nobody is there");
        assert_eq!(desired(2, seen(MIB, 0, true)), 2, "that little is none");
    }

    #[test]
    fn a_long_quiet_time_takes_shards_away() {
        let (mut quiet, mut now) = (0, 4);
        for _ in 0..59 {
            now = desired(now, (1, 6), Seen { behind: 0, behind_before: 0, is_taking: true }, &mut quiet);
        }
        assert_eq!(now, 4);
        now = desired(now, (1, 6), Seen { behind: 0, behind_before: 0, is_taking: true }, &mut quiet);
        assert_eq!((now, quiet), (2, 0));
    }
}
