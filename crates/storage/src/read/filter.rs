//! What a list is confined to, as SQL.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary};
use florin_domain::State;

use crate::batch::{Statement, Value};
use crate::rows::{Reader, Realm};
use crate::{AnyConnection, StorageError};

/// A condition: SQL with a `?` for each value, and what leads to the objects that meet it.
#[derive(Clone)]
struct Term<'a> {
    sql: Cow<'static, str>,
    values: Vec<Value<'a>>,
    by: By,
}

/// What leads to the objects that meet a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The order of the ids: they stand together there.
    Ids,
    /// An index of its own.
    Index,
    /// Nothing: objects are looked at one after the other.
    Looking,
}

/// The conditions that each object of a list meets.
#[derive(Clone)]
pub(crate) struct Filter<'a> {
    table: &'static str,
    realm: Realm,
    terms: Vec<Term<'a>>,
    between: Between,
    /// The states, when not all; for payments only.
    states: Option<&'a [State]>,
    /// Whether its text is one of few, so that it is worth keeping prepared.
    common: bool,
}

/// The lowest and the highest of the ids that may be in a list. There is one of each at most, since of two SQLite would
/// use one to find its way in the index, and not the one that is nearer.
#[derive(Clone, Copy, Default)]
struct Between {
    lowest: Option<[u8; 16]>,
    highest: Option<[u8; 16]>,
}

impl Between {
    fn from(self, lowest: [u8; 16]) -> Self {
        Between { lowest: self.lowest.max(Some(lowest)), ..self }
    }

    fn to(self, highest: [u8; 16]) -> Self {
        Between { highest: Some(self.highest.map_or(highest, |known| known.min(highest))), ..self }
    }

    fn above(self, id: [u8; 16]) -> Self {
        self.from(u128::from_be_bytes(id).saturating_add(1).to_be_bytes())
    }

    fn below(self, id: [u8; 16]) -> Self {
        self.to(u128::from_be_bytes(id).saturating_sub(1).to_be_bytes())
    }
}

/// How the ids of a page are come by.
pub(super) struct Walk {
    /// The id after which to begin, in the direction of reading.
    pub(super) after: Option<[u8; 16]>,
    /// The direction of reading.
    pub(super) newest_first: bool,
    /// How many to leave out.
    pub(super) skip: i64,
    /// How many to take at most.
    pub(super) take: i64,
}

impl<'a> Filter<'a> {
    /// All objects of a realm.
    pub(crate) fn new(table: &'static str, realm: Realm) -> Self {
        Filter { table, realm, terms: Vec::new(), between: Between::default(), states: None, common: true }
    }

    /// Whose objects.
    pub(super) fn realm(&self) -> Realm {
        self.realm
    }

    /// Adds a condition for which there is an index.
    pub(crate) fn add(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value<'a>>) {
        self.terms.push(Term { sql: sql.into(), values, by: By::Index });
    }

    /// Adds a condition for which there is none.
    pub(crate) fn add_unindexed(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value<'a>>) {
        self.terms.push(Term { sql: sql.into(), values, by: By::Looking });
    }

    /// Leaves out the ids below this one.
    pub(crate) fn add_lowest(&mut self, id: [u8; 16]) {
        self.between = self.between.from(id);
    }

    /// Leaves out the ids above this one.
    pub(crate) fn add_highest(&mut self, id: [u8; 16]) {
        self.between = self.between.to(id);
    }

    /// Adds a condition that objects meet which stand together in the order of their ids: what stands before the id in
    /// the index that they are read from.
    pub(crate) fn add_range(&mut self, sql: &'static str, values: Vec<Value<'a>>) {
        self.terms.push(Term { sql: sql.into(), values, by: By::Ids });
    }

    /// Adds a condition with an index that few lists have.
    pub(crate) fn add_rare(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value<'a>>) {
        self.common = false;
        self.add(sql, values);
    }

    /// Adds a condition without an index that few lists have.
    pub(crate) fn add_rare_unindexed(&mut self, sql: impl Into<Cow<'static, str>>, values: Vec<Value<'a>>) {
        self.common = false;
        self.add_unindexed(sql, values);
    }

    /// Confines payments to these states.
    pub(super) fn add_states(&mut self, states: &'a [State]) {
        self.states = Some(states);
    }

    /// Confines the time of creation, which is the id's own, to what lies between two instants.
    pub(crate) fn add_creation(&mut self, after: Option<DateTime<Utc>>, before: Option<DateTime<Utc>>) {
        if let Some(after) = after {
            self.add_lowest(first_id(after.timestamp_millis().saturating_add(1)));
        }
        if let Some(before) = before {
            let begun = i64::from(before.timestamp_subsec_nanos() % 1_000_000 != 0);
            self.between = self.between.below(first_id(before.timestamp_millis().saturating_add(begun)));
        }
    }

    /// Whether it is confined by nothing but states.
    pub(super) fn is_states_only(&self) -> bool {
        self.terms.is_empty() && self.between.lowest.is_none() && self.between.highest.is_none()
    }

    /// Whether many objects may have to be looked at to find one that meets it.
    pub(super) fn looks_at_many(&self) -> bool {
        let any = |by: By| self.terms.iter().any(|term| term.by == by);
        any(By::Looking) && !any(By::Index)
    }

    /// The same without the conditions for which objects have to be looked at.
    pub(super) fn of_all(&self) -> Self {
        let mut filter = self.clone();
        filter.terms.retain(|term| term.by == By::Ids);
        filter
    }

    /// The same up to an object, that one included.
    pub(super) fn up_to(&self, last: [u8; 16], newest_first: bool) -> Self {
        let mut filter = self.clone();
        filter.between = if newest_first { self.between.from(last) } else { self.between.to(last) };
        filter
    }

    /// How many objects meet it, counted up to a number.
    pub(crate) fn count(
        &self,
        connection: &mut AnyConnection,
        at_most: Option<i64>,
    ) -> Result<i64, StorageError> {
        let statement = match at_most {
            None => Statement::<BigInt>::new("SELECT count(*) FROM "),
            Some(_) => Statement::<BigInt>::new("SELECT count(*) FROM (SELECT 1 FROM "),
        };
        let mut statement = self.push_conditions(statement, self.states, self.between);
        if let Some(at_most) = at_most {
            statement = statement.sql(" LIMIT ").value(Value::Int(at_most)).sql(") AS counted");
        }
        let counts: Vec<i64> = self.rare_or_not(statement).load(connection)?;
        Ok(counts.into_iter().sum())
    }

    /// The ids of a page.
    pub(super) fn ids(
        &self,
        connection: &mut AnyConnection,
        walk: &Walk,
    ) -> Result<Vec<[u8; 16]>, StorageError> {
        let statement = self.select_ids(Statement::<Binary>::new(""), walk);
        let ids: Vec<Vec<u8>> = self.rare_or_not(statement).load(connection)?;
        ids.iter().map(|id| Reader(self.table).id(id, |bytes| bytes)).collect()
    }

    /// Goes on with the selection of a page's ids.
    pub(super) fn select_ids<'s, ST>(
        &'s self,
        statement: Statement<'s, ST>,
        walk: &Walk,
    ) -> Statement<'s, ST> {
        match self.states {
            Some(states) if states.len() > 1 && !states.contains(&State::Captured) => {
                self.merged_ids(statement, states, walk)
            }
            states => self.plain_ids(statement, states, walk, (walk.skip, walk.take)),
        }
    }

    fn plain_ids<'s, ST>(
        &'s self,
        statement: Statement<'s, ST>,
        states: Option<&[State]>,
        walk: &Walk,
        (skip, take): (i64, i64),
    ) -> Statement<'s, ST> {
        let order = if walk.newest_first { " ORDER BY id DESC LIMIT " } else { " ORDER BY id LIMIT " };
        let between = match walk.after {
            None => self.between,
            Some(id) if walk.newest_first => self.between.below(id),
            Some(id) => self.between.above(id),
        };
        let statement = self.push_conditions(statement.sql("SELECT id FROM "), states, between);
        statement.sql(order).value(Value::Int(take)).sql(" OFFSET ").value(Value::Int(skip))
    }

    /// Each state's ids are in order in its part of the index: as many of each as the page might need, merged.
    fn merged_ids<'s, ST>(
        &'s self,
        mut statement: Statement<'s, ST>,
        states: &'s [State],
        walk: &Walk,
    ) -> Statement<'s, ST> {
        for (index, state) in states.iter().enumerate() {
            let union = if index == 0 { "SELECT id FROM (" } else { ") AS s UNION ALL SELECT id FROM (" };
            let enough = walk.skip.saturating_add(walk.take);
            statement =
                self.plain_ids(statement.sql(union), Some(std::slice::from_ref(state)), walk, (0, enough));
        }
        let order =
            if walk.newest_first { ") AS s ORDER BY id DESC LIMIT " } else { ") AS s ORDER BY id LIMIT " };
        statement.sql(order).value(Value::Int(walk.take)).sql(" OFFSET ").value(Value::Int(walk.skip))
    }

    fn push_conditions<'s, ST>(
        &'s self,
        statement: Statement<'s, ST>,
        states: Option<&[State]>,
        between: Between,
    ) -> Statement<'s, ST> {
        let [tenant, mode] = self.realm.values();
        let mut statement = statement.sql(self.table);
        statement = statement.sql(" WHERE tenant_id = ").value(tenant).sql(" AND livemode = ").value(mode);
        if let Some(states) = states {
            statement = statement.sql(states_condition(states));
        }
        if let Some(lowest) = between.lowest {
            statement = statement.sql(" AND id >= ").value(Value::Id(lowest));
        }
        if let Some(highest) = between.highest {
            statement = statement.sql(" AND id <= ").value(Value::Id(highest));
        }
        for term in &self.terms {
            statement = statement.sql(" AND ");
            let mut values = term.values.iter();
            for (index, text) in term.sql.split('?').enumerate() {
                if let Some(value) = (index > 0).then(|| values.next()).flatten() {
                    statement = statement.value(value.clone());
                }
                statement = statement.sql(text.to_owned());
            }
        }
        statement
    }

    fn rare_or_not<'s, ST>(&self, statement: Statement<'s, ST>) -> Statement<'s, ST> {
        if self.common { statement } else { statement.rare() }
    }
}

/// The states as words in the text, not as values: else a plan that serves all values could not use the partial index.
/// SQLite uses it only where its own condition is repeated.
fn states_condition(states: &[State]) -> String {
    let words: Vec<_> = states.iter().map(|state| format!("'{state}'")).collect();
    match &words[..] {
        [] => " AND 1 = 0".to_owned(),
        [word] if *word == "'captured'" => " AND state = 'captured'".to_owned(),
        [word] => format!(" AND state = {word} AND state <> 'captured'"),
        words if states.contains(&State::Captured) => format!(" AND state IN ({})", words.join(", ")),
        words => format!(" AND state IN ({}) AND state <> 'captured'", words.join(", ")),
    }
}

/// A lower bound of the ids of a millisecond and of all later ones.
fn first_id(milliseconds: i64) -> [u8; 16] {
    const LAST_MILLISECOND: i64 = 0xFFFF_FFFF_FFFF;
    if milliseconds > LAST_MILLISECOND {
        return [0xff; 16];
    }
    let mut id = [0; 16];
    id[..6].copy_from_slice(&milliseconds.max(0).to_be_bytes()[2..]);
    id
}

/// An upper bound of the ids of an instant's millisecond and of all earlier ones; none when no id is so old.
pub(super) fn last_id(at: DateTime<Utc>) -> Option<[u8; 16]> {
    let milliseconds = at.timestamp_millis();
    if milliseconds < 0 {
        return None;
    }
    let first = first_id(milliseconds);
    let mut id = [0xff; 16];
    id[..6].copy_from_slice(&first[..6]);
    Some(id)
}
