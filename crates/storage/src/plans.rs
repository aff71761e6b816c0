//! How the databases would run a statement, for tests.

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Integer, Text};

use crate::batch::Statement;
use crate::migrate::run_all;
use crate::{AnyConnection, DatabaseUrl};

/// Runs the test on a schema without rows, on each database there is.
pub(crate) fn on_each_schema(test: impl Fn(&mut AnyConnection)) {
    let mut sqlite = DatabaseUrl::Sqlite(":memory:".into()).connect().unwrap();
    run_all(&mut sqlite);
    test(&mut sqlite);
    if let Ok(url) = std::env::var("FLORIN_TEST_POSTGRES_URL") {
        let mut postgres = url.parse::<DatabaseUrl>().unwrap().connect().unwrap();
        // Nothing of it is committed. Without the planner's last resorts it shows whether there is a better way.
        let begin = "BEGIN; CREATE SCHEMA florin_plans; SET LOCAL search_path TO florin_plans; \
            SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off;";
        postgres.batch_execute(begin).unwrap();
        run_all(&mut postgres);
        test(&mut postgres);
    }
}

/// How the statement that `add` adds would be run.
pub(crate) fn explain<'a>(
    connection: &mut AnyConnection,
    add: impl FnOnce(Statement<'a>) -> Statement<'a>,
) -> String {
    let lines: Vec<String> = match connection {
        AnyConnection::Postgres(_) => {
            add(Statement::new("EXPLAIN ")).typed::<Text>().load(connection).unwrap()
        }
        AnyConnection::Sqlite(_) => {
            type SqlType = (Integer, Integer, Integer, Text);
            let statement = add(Statement::new("EXPLAIN QUERY PLAN ")).typed::<SqlType>();
            let rows: Vec<(i32, i32, i32, String)> = statement.load(connection).unwrap();
            rows.into_iter().map(|(.., line)| line).collect()
        }
    };
    lines.join("\n")
}
