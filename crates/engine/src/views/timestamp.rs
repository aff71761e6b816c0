//! Times as the API writes them: RFC 3339 in UTC with milliseconds, always of one length.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde::{Serialize, Serializer};

const LENGTH: usize = 24;

/// A time on its way out: `2025-11-06T19:54:00.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.to_bytes();
        serializer.serialize_str(str::from_utf8(&bytes).unwrap_or_default())
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(str::from_utf8(&self.to_bytes()).unwrap_or_default())
    }
}

impl Timestamp {
    /// Written by hand: chrono's formatter takes longer than all the rest of a payment.
    fn to_bytes(self) -> [u8; LENGTH] {
        let mut bytes = *b"0000-00-00T00:00:00.000Z";
        let time = self.0;
        put(&mut bytes[0..4], u32::try_from(time.year()).unwrap_or_default());
        put(&mut bytes[5..7], time.month());
        put(&mut bytes[8..10], time.day());
        put(&mut bytes[11..13], time.hour());
        put(&mut bytes[14..16], time.minute());
        put(&mut bytes[17..19], time.second());
        put(&mut bytes[20..23], time.timestamp_subsec_millis().min(999));
        bytes
    }
}

fn put(place: &mut [u8], number: u32) {
    let mut rest = number;
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_milliseconds_and_a_z_whatever_it_is() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_762_458_840_000, "2025-11-06T19:54:00.000Z"),
            (1_762_458_840_123, "2025-11-06T19:54:00.123Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ];
        for (milliseconds, text) in cases {
            let time = DateTime::from_timestamp_millis(milliseconds).unwrap();
            assert_eq!(serde_json::to_string(&Timestamp(time)).unwrap(), format!("\"{text}\""));
            assert_eq!(Timestamp(time).to_string(), text);
            assert_eq!(DateTime::parse_from_rfc3339(text).unwrap(), time);
        }
    }
}
