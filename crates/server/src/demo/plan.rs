//! How many come on each day, and at what hour.

use chrono::{DateTime, Datelike, Days, TimeDelta, Utc, Weekday};

use super::chance::Chance;
use super::happening::{Agenda, Happening};

/// How many days of trade there are before today.
pub(super) const DAYS: u64 = 28;

/// How many orders there are on the first day, before what day of the week it is.
const ORDERS_AT_FIRST: i64 = 14;

/// How often something happens in each hour of the day.
const HOURS: [(i64, i64); 18] = [
    (1, 0),
    (1, 5),
    (2, 6),
    (5, 7),
    (9, 8),
    (10, 9),
    (9, 10),
    (8, 11),
    (9, 12),
    (8, 13),
    (7, 14),
    (7, 15),
    (8, 16),
    (9, 17),
    (11, 18),
    (13, 19),
    (11, 20),
    (6, 21),
];

/// Whatever is open is looked up so often.
const LOOK_UPS: TimeDelta = TimeDelta::hours(6);

/// How long before the end somebody buys what is sent later, after an hour at the earliest.
const LAST_AHEAD: TimeDelta = TimeDelta::minutes(40);

/// The beginning of all trade.
pub(super) fn beginning(end: DateTime<Utc>) -> DateTime<Utc> {
    end.checked_sub_days(Days::new(DAYS)).unwrap_or(end)
}

/// What is to happen until the end, without what follows from it.
pub(super) fn plan(end: DateTime<Utc>, chance: &mut Chance) -> Agenda {
    let mut agenda = Agenda::default();
    let mut day = beginning(end);
    let mut number = 0;
    while day < end {
        let is_weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        let usual = ORDERS_AT_FIRST + number / 2;
        let usual = if is_weekend { usual * 13 / 10 } else { usual };
        for _ in 0..chance.between(usual * 3 / 4, usual * 5 / 4) {
            agenda.add(some_time(day, chance), Happening::Order);
        }
        if !is_weekend && chance.happens(850) {
            agenda.add(some_time(day, chance), Happening::Invoice);
        }
        if chance.happens(800) {
            agenda.add(some_time(day, chance), Happening::AskToPay);
        }
        if chance.happens(300) {
            agenda.add(some_time(day, chance), Happening::Grant);
        }
        day = day.checked_add_days(Days::new(1)).unwrap_or(end);
        number += 1;
    }
    // By chance there may be none that is still to be captured.
    agenda.add(end - LAST_AHEAD, Happening::OrderAhead);
    let mut look = beginning(end);
    while look < end {
        agenda.add(look, Happening::LookUp);
        look += LOOK_UPS;
    }
    agenda
}

/// A time of the day that begins then.
fn some_time(day: DateTime<Utc>, chance: &mut Chance) -> DateTime<Utc> {
    let midnight = day.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let hour = chance.weighted(&HOURS);
    let at = midnight
        + TimeDelta::hours(hour)
        + TimeDelta::minutes(chance.between(0, 59))
        + TimeDelta::milliseconds(chance.between(0, 59_999));
    // The first day begins at the hour at which the last one ends.
    if at < day { at + TimeDelta::days(1) } else { at }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_is_in_time_and_comes_in_order() {
        let end: DateTime<Utc> = "2026-03-15T10:20:30Z".parse().unwrap();
        let mut agenda = plan(end, &mut Chance::new(1));
        let (mut last, mut orders, mut ahead) = (beginning(end), 0, Vec::new());
        while let Some((at, happening)) = agenda.next(end) {
            assert!(last <= at && at < end);
            last = at;
            orders += u32::from(matches!(happening, Happening::Order));
            ahead.extend(matches!(happening, Happening::OrderAhead).then_some(end - at));
        }
        assert!((400..1000).contains(&orders), "{orders}");
        assert_eq!(ahead, [LAST_AHEAD]);
    }
}
