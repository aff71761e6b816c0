//! When recovery looks at attempts.

use chrono::{DateTime, Duration, Utc};
use florin_domain::{Attempt, AttemptStatus, MethodType};

/// When recovery looks at an attempt after so many look-ups: 5 s, 30 s, 2 m, 10 m, 1 h, 6 h, then daily.
pub(crate) fn due_after(lookups: u32, at: DateTime<Utc>) -> DateTime<Utc> {
    let wait = match lookups {
        0 => Duration::seconds(5),
        1 => Duration::seconds(30),
        2 => Duration::minutes(2),
        3 => Duration::minutes(10),
        4 => Duration::hours(1),
        5 => Duration::hours(6),
        _ => Duration::days(1),
    };
    at.checked_add_signed(wait).unwrap_or(at)
}

/// How long after it has cleared a bank debit is looked at, since it may be returned: the payer's bank has 60 days for a
/// debit that the payer had not allowed (Nacha Operating Rules, return code R10).
const WATCHED_FOR: Duration = Duration::days(60);

/// When an attempt that has succeeded after all is looked at next, should it be a bank debit.
pub(super) fn watched(mut attempt: Attempt, method_type: MethodType, at: DateTime<Utc>) -> Attempt {
    if attempt.status == AttemptStatus::Succeeded && method_type == MethodType::Ach {
        attempt.lookups = 0;
        attempt.due_at = Some(due_after(0, at));
    }
    attempt
}

/// Whether a bank debit that cleared then may no longer be returned.
pub(super) fn is_watch_over(succeeded_at: Option<DateTime<Utc>>, at: DateTime<Utc>) -> bool {
    succeeded_at.is_none_or(|succeeded_at| at.signed_duration_since(succeeded_at) > WATCHED_FOR)
}

/// When a lease ends that is taken now.
pub(super) fn leased_until(lease: Duration, at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_add_signed(lease).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
