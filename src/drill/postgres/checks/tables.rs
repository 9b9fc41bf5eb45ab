use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Checks, Outcome};
use crate::error::{Class, Error, Result};
use crate::replication::Connection;

/// How many unreadable tables are named.
const NAMED: usize = 3;

const DATABASES: &str = "SELECT datname FROM pg_catalog.pg_database \
     WHERE datallowconn AND datconnlimit <> -2 ORDER BY oid";

/// The largest first, so that none is left for the end. What other sessions had as temporary tables can't be
/// read, and a materialized view may be empty on purpose.
const TABLES: &str = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated \
     ORDER BY pg_table_size(c.oid) DESC, c.oid";

/// Reads every row of every table of every database, catalogues and large objects included.
///
/// `COPY` and not `count(*)`: that does not look at values that are stored outside of their row, nor into
/// those inside. The rows go nowhere: the server writes them to `/dev/null` in its binary format, which costs
/// least.
pub(super) fn check(checks: &Checks<'_>) -> Result<Outcome> {
    let address = checks.address;
    let databases = address.connect(&address.database, checks.deadline())?.query(DATABASES)?.0;
    let databases: Vec<String> = databases.into_iter().flatten().flatten().collect();
    let (mut read, mut faults) = (0, Vec::new());
    for database in &databases {
        match read_database(checks, database) {
            Ok(found) => {
                read += found.read;
                faults.extend(found.faults);
            }
            Err(error) => faults.push(error.while_doing(format!("database {database:?}"))),
        }
        if let Some(failure) = checks.server.failure() {
            faults.push(failure);
            break;
        }
        checks.deadline().left()?;
    }
    if faults.is_empty() {
        return Ok(Outcome::Passed(format!("{read} tables in {} databases", databases.len())));
    }
    let texts: Vec<String> = faults.iter().take(NAMED).map(without_hint).collect();
    let more = match faults.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!("expected every table to be readable: {}{more}", texts.join("; "));
    Ok(Outcome::Failed(Error::new(Class::Damaged, message)))
}

#[derive(Default)]
struct Found {
    read: usize,
    faults: Vec<Error>,
}

struct Table {
    name: String,
    is_view: bool,
}

fn read_database(checks: &Checks<'_>, database: &str) -> Result<Found> {
    let mut connection = checks.address.connect(database, checks.deadline())?;
    let rows = connection.query(TABLES)?.0;
    drop(connection);
    let table = |row: Vec<Option<String>>| {
        let mut fields = row.into_iter().flatten();
        Some(Table { name: fields.next()?, is_view: fields.next()? == "m" })
    };
    let tables: Vec<Table> = rows.into_iter().filter_map(table).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Found::default()));
    let work = || {
        let mut connection = None;
        while let Some(table) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            if checks.deadline().left().is_err() || checks.server.failure().is_some() {
                return;
            }
            let read = read(checks, database, table, &mut connection);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(()) => found.read += 1,
                Err(error) => {
                    connection = None;
                    let name = format!("{} in database {database:?}", table.name);
                    found.faults.push(error.while_doing(name));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..checks.parallel.clamp(1, tables.len().max(1)) {
            scope.spawn(work);
        }
    });
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn read(
    checks: &Checks<'_>,
    database: &str,
    table: &Table,
    connection: &mut Option<Connection>,
) -> Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(checks.address.connect(database, checks.deadline())?),
    };
    // Of a view `COPY` takes no name before PostgreSQL 18.
    let what = match table.is_view {
        true => format!("(SELECT * FROM {})", table.name),
        false => table.name.clone(),
    };
    let copy = |format: &str| format!("COPY {what} TO '/dev/null' (FORMAT {format})");
    match connection.query(&copy("binary")) {
        // Some types have a text form only.
        Err(error) if error.to_string().contains("(SQLSTATE 42883)") => {
            connection.query(&copy("text")).map(drop)
        }
        read => read.map(drop),
    }
}

fn without_hint(error: &Error) -> String {
    let text = error.to_string();
    text.split_once(". HINT: ").map_or(text.clone(), |(message, _)| message.to_owned())
}
