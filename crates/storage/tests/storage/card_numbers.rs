//! A card number in whatever text of the database is found, and told without being repeated.

use florin_storage::AnyConnection;
use florin_storage::verify::{CardNumberFound, find_card_numbers};

use crate::harness::{number, on_each_database, run, texts};
use crate::money;
use crate::violations::disarm;

const CARD: &str = " by 4242-4242-4242-4242, thanks";

fn found(connection: &mut AnyConnection) -> Vec<CardNumberFound> {
    let mut found = Vec::new();
    let summary = find_card_numbers(connection, &mut |row| found.push(row)).unwrap();
    assert_eq!(summary.found, u64::try_from(found.len()).unwrap());
    found
}

/// Every column of text.
fn text_columns(connection: &mut AnyConnection) -> Vec<(String, String)> {
    let query = match connection {
        AnyConnection::Postgres(_) => {
            "SELECT table_name || '.' || column_name AS value FROM information_schema.columns \
             WHERE table_schema = 'public' AND data_type IN ('text', 'character varying') ORDER BY 1"
        }
        AnyConnection::Sqlite(_) => {
            "SELECT t.name || '.' || c.name AS value FROM sqlite_schema t, pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND c.type = 'TEXT' AND t.name NOT LIKE 'sqlite_%' ORDER BY 1"
        }
    };
    let names = texts(connection, query);
    names.iter().filter_map(|name| name.split_once('.')).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

/// So that also what is never changed can be.
fn drop_triggers(connection: &mut AnyConnection) {
    match connection {
        AnyConnection::Postgres(_) => run(connection, "SET session_replication_role = replica"),
        AnyConnection::Sqlite(_) => {
            for name in texts(connection, "SELECT name AS value FROM sqlite_schema WHERE type = 'trigger'") {
                run(connection, &format!("DROP TRIGGER {name}"));
            }
        }
    }
}

#[test]
fn a_card_number_is_found_in_every_column_of_text_there_is() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        assert_eq!(found(&mut connection), Vec::new());
        disarm(&mut connection);
        drop_triggers(&mut connection);
        let mut planted = 0;
        for (table, column) in text_columns(&mut connection) {
            let count = format!("SELECT count({column}) AS value FROM {table}");
            let rows = usize::try_from(number(&mut connection, &count)).unwrap();
            run(&mut connection, &format!("UPDATE {table} SET {column} = {column} || '{CARD}'"));
            let told = found(&mut connection);
            run(&mut connection, &format!("UPDATE {table} SET {column} = replace({column}, '{CARD}', '')"));
            assert_eq!(told.len(), rows, "{table}.{column}: {told:?}");
            for row in &told {
                assert_eq!((&row.table, &row.columns), (&table, &vec![column.clone()]));
                assert!(!row.row.is_empty() && !row.to_string().contains("4242"), "{row}");
            }
            planted += usize::from(rows > 0);
        }
        assert!(planted > 60, "{planted} columns had something in them");
        assert_eq!(found(&mut connection), Vec::new());
    });
}

#[test]
fn digits_of_two_columns_make_no_card_number_and_a_strange_character_hides_none() {
    on_each_database(|database| {
        let mut connection = database.connect();
        money::fill(&mut connection);
        run(&mut connection, "UPDATE customers SET name = '42424242', email = '42424242'");
        assert_eq!(found(&mut connection), Vec::new());
        let unit_separator = '\u{1f}';
        run(&mut connection, &format!("UPDATE customers SET name = 'a{unit_separator}{CARD}'"));
        let told = found(&mut connection);
        assert_eq!(told.len(), 2);
        assert!(told.iter().all(|row| row.columns.contains(&"name".to_owned())), "{told:?}");
    });
}
