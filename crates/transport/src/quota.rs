//! The quotas of rate limiters.

use std::num::NonZeroU32;

use governor::Quota;

/// Allows `per_second` on average, and a burst of `burst_s` seconds' worth at once.
pub(crate) fn burst_quota(per_second: NonZeroU32, burst_s: u32) -> Quota {
    let burst_s = NonZeroU32::new(burst_s).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(burst_s))
}
