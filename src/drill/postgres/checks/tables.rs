//! The check that reads every row of every table of every database.
//!
//! The server writes the rows to `/dev/null`: that looks at each value, which a count does not. Large tables
//! are read by several sessions at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Checks, DrillOutcome};
use crate::error::{Class, Error, ErrorKind, Result};
use crate::replication::PgConnection;
use crate::threads;

/// Some types have a text form only: the server says that the function for the binary form is not there.
const UNDEFINED_FUNCTION: &str = "42883";

/// How many unreadable tables are named.
const NAMED: usize = 3;

const DATABASES: &str = "SELECT datname FROM pg_catalog.pg_database \
     WHERE datallowconn AND datconnlimit <> -2 ORDER BY oid";

/// So many blocks are read in one go: a large table is read by several sessions at the same time.
const BLOCKS: u64 = 2048;

/// The largest first, so that none is left for the end. What other sessions had as temporary tables can't be
/// read, and a materialized view may be empty on purpose. Blocks as far as the table is a heap: rows of
/// other access methods need not be found by their place.
const TABLES: &str = "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind, \
     CASE WHEN a.amname = 'heap' \
     THEN pg_relation_size(c.oid) / current_setting('block_size')::int ELSE 0 END \
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_catalog.pg_am a ON a.oid = c.relam \
     WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relispopulated \
     ORDER BY pg_table_size(c.oid) DESC, c.oid";

/// Reads every row of every table of every database, catalogues and large objects included.
///
/// `COPY` and not `count(*)`: that does not look at values that are stored outside of their row, nor into
/// those inside. The rows go nowhere: the server writes them to `/dev/null` in its binary format, which costs
/// least.
pub(super) fn check(checks: &Checks<'_>) -> Result<DrillOutcome> {
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
        return Ok(DrillOutcome::Passed(format!("{read} tables in {} databases", databases.len())));
    }
    let texts: Vec<String> = faults.iter().take(NAMED).map(Error::message).collect();
    let more = match faults.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let message = format!("not every table could be read: {}{more}", texts.join("; "));
    Ok(DrillOutcome::Failed(Error::new(Class::Damaged, message)))
}

#[derive(Default)]
struct TablesRead {
    read: usize,
    faults: Vec<Error>,
}

struct TableToRead {
    name: String,
    is_view: bool,
    blocks: u64,
}

/// A table, or some blocks of it.
struct BlockRange {
    /// Which table.
    table: usize,
    /// What `COPY` is told to read.
    rows: String,
}

fn read_database(checks: &Checks<'_>, database: &str) -> Result<TablesRead> {
    let mut connection = checks.address.connect(database, checks.deadline())?;
    let rows = connection.query(TABLES)?.0;
    drop(connection);
    let tables: Vec<TableToRead> = rows.into_iter().filter_map(table).collect();
    let pieces: Vec<BlockRange> =
        tables.iter().enumerate().flat_map(|(at, table)| pieces(at, table)).collect();
    // One fault of a table is enough.
    let (next, faults) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        let mut connection = None;
        while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
            if checks.deadline().left().is_err() || checks.server.failure().is_some() {
                return;
            }
            if let Err(error) = read(checks, database, piece, &mut connection) {
                connection = None;
                let name = format!("{} in database {database:?}", tables[piece.table].name);
                let mut faults = faults.lock().unwrap_or_else(PoisonError::into_inner);
                faults.entry(piece.table).or_insert_with(|| error.while_doing(name));
            }
        }
    };
    std::thread::scope(|scope| {
        threads::helpers(scope, checks.parallel.min(pieces.len()).saturating_sub(1), work);
        work();
    });
    let faults = faults.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(TablesRead { read: tables.len() - faults.len(), faults: faults.into_values().collect() })
}

fn table(row: Vec<Option<String>>) -> Option<TableToRead> {
    let mut fields = row.into_iter().flatten();
    let (name, kind, blocks) = (fields.next()?, fields.next()?, fields.next()?);
    Some(TableToRead { name, is_view: kind == "m", blocks: blocks.parse().ok()? })
}

/// The last has no end: nobody writes, and a row behind it would be missed otherwise.
fn pieces(at: usize, table: &TableToRead) -> Vec<BlockRange> {
    let name = &table.name;
    let count = table.blocks.div_ceil(BLOCKS).max(1);
    let rows = |number: u64| match (count, table.is_view) {
        // Of a view `COPY` takes no name before PostgreSQL 18.
        (1, true) => format!("(SELECT * FROM {name})"),
        (1, false) => name.clone(),
        _ => {
            let (from, to) = (number * BLOCKS, (number + 1) * BLOCKS);
            let end = if number + 1 < count {
                format!(" AND ctid < '({to},0)'::tid")
            } else {
                String::new()
            };
            format!("(SELECT * FROM ONLY {name} WHERE ctid >= '({from},0)'::tid{end})")
        }
    };
    (0..count).map(|number| BlockRange { table: at, rows: rows(number) }).collect()
}

fn read(
    checks: &Checks<'_>,
    database: &str,
    piece: &BlockRange,
    connection: &mut Option<PgConnection>,
) -> Result<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(checks.address.connect(database, checks.deadline())?),
    };
    let copy = |format: &str| format!("COPY {} TO '/dev/null' (FORMAT {format})", piece.rows);
    match connection.query(&copy("binary")) {
        Err(error) if matches!(error.kind(), Some(ErrorKind::Sqlstate(state)) if state == UNDEFINED_FUNCTION) => {
            connection.query(&copy("text")).map(drop)
        }
        read => read.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_table_is_read_in_pieces_without_a_hole() {
        let rows = |is_view: bool, blocks: u64| -> Vec<String> {
            let table = TableToRead { name: "public.t".to_owned(), is_view, blocks };
            pieces(3, &table).into_iter().map(|piece| piece.rows).collect()
        };
        assert_eq!(rows(false, 0), ["public.t"]);
        assert_eq!(rows(true, 2048), ["(SELECT * FROM public.t)"]);
        let whole = "(SELECT * FROM ONLY public.t WHERE ctid >= ";
        assert_eq!(
            rows(false, 4097),
            [
                format!("{whole}'(0,0)'::tid AND ctid < '(2048,0)'::tid)"),
                format!("{whole}'(2048,0)'::tid AND ctid < '(4096,0)'::tid)"),
                format!("{whole}'(4096,0)'::tid)"),
            ]
        );
    }
}
