//! How the time of a run is shared among the connections.

use std::time::Duration;

/// How many connections are looked at at the same time.
pub(crate) const AT_ONCE: usize = 32;

/// How long a look at one connection may take, and how short that time becomes if there are many.
/// It becomes no shorter, because an environment that has slept needs some seconds. If there is not
/// enough time for all, the next run begins with those that are left.
const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const SHORTEST_PATIENCE: Duration = Duration::from_secs(5);

/// How much of the time of a run is kept for storing and sending: a quarter, but at most this.
const LONGEST_RESERVE: Duration = Duration::from_secs(30);

/// How long the looks of a run may take, if the run has this much time left.
pub(crate) fn for_looks(left: Duration) -> Duration {
    left.saturating_sub((left / 4).min(LONGEST_RESERVE))
}

/// How long the next look may take, if this many connections share the time that is left.
pub(crate) fn patience(connections: usize, left: Duration) -> Duration {
    let rounds = u32::try_from(connections.div_ceil(AT_ONCE)).unwrap_or(u32::MAX).max(1);
    (left / rounds).clamp(SHORTEST_PATIENCE, PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_connections_share_the_time_there_is() {
        let time = for_looks(Duration::from_secs(290));
        assert_eq!(time, Duration::from_secs(260));
        assert_eq!(for_looks(Duration::from_secs(4)), Duration::from_secs(3));
        assert_eq!(patience(0, time), PATIENCE);
        assert_eq!(patience(400, time), PATIENCE);
        // There is time for all, even if each takes as long as it may.
        let of_many = patience(1300, time);
        assert!(of_many * 41 <= time && of_many > SHORTEST_PATIENCE, "{of_many:?}");
        assert_eq!(patience(100_000, time), SHORTEST_PATIENCE);
    }
}
