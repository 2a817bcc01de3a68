//! Time as session files and messages write it.

use jiff::{Timestamp, Zoned};

/// Now, in Unix milliseconds.
pub fn now_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Now, as ISO 8601 in UTC with milliseconds: `2026-11-21T00:01:10.306Z`.
pub fn now_iso() -> String {
    format!("{:.3}", Timestamp::now())
}

/// Today where the user is: `2026-11-21`.
pub fn today() -> String {
    Zoned::now().date().to_string()
}

/// The day where the user is, of Unix milliseconds: `2026-11-21`.
pub fn date_of(ms: u64) -> String {
    local(ms).date().to_string()
}

/// The time of day where the user is, of Unix milliseconds: `14:02`.
pub fn time_of_day(ms: u64) -> String {
    let moment = local(ms);
    format!("{:02}:{:02}", moment.hour(), moment.minute())
}

fn local(ms: u64) -> Zoned {
    let moment = i64::try_from(ms).ok().and_then(|it| Timestamp::from_millisecond(it).ok());
    moment.unwrap_or_default().to_zoned(jiff::tz::TimeZone::system())
}

/// Unix milliseconds of an ISO 8601 time; 0 if it is none.
pub fn iso_to_ms(iso: &str) -> u64 {
    iso.parse::<Timestamp>().ok().and_then(|it| u64::try_from(it.as_millisecond()).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_has_milliseconds_and_z() {
        let iso = now_iso();
        assert_eq!(iso.len(), "2026-11-21T00:01:10.306Z".len(), "{iso}");
        assert!(iso.ends_with('Z'));
        assert_eq!(iso_to_ms("1970-01-01T00:00:01.500Z"), 1500);
        assert_eq!(iso_to_ms("yesterday"), 0);
    }
}
