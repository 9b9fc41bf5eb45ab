//! Asking the server.

use super::Server;

/// Tables whose rows survive a crash: no catalog, no unlogged or temporary ones.
const TABLES: &str = "select format('%I.%I', n.nspname, c.relname) \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind in ('r', 'm') and c.relpersistence = 'p' \
    and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') \
    order by 1";

impl Server {
    /// What a query gives, one line a row, columns parted by `|`; an error panics.
    #[track_caller]
    pub fn sql(&self, query: &str) -> String {
        self.sql_in("postgres", query)
    }

    /// The same in another database than `postgres`.
    #[track_caller]
    pub fn sql_in(&self, database: &str, query: &str) -> String {
        match self.ask(database, query) {
            Ok(answer) => answer,
            Err(error) => panic!("{query}\n{error}\n{}", self.log_since_start()),
        }
    }

    /// The same, with what `psql` wrote to standard error when it failed.
    pub fn try_sql(&self, query: &str) -> Result<String, String> {
        self.ask("postgres", query)
    }

    fn ask(&self, database: &str, query: &str) -> Result<String, String> {
        let psql = self.tool("psql").env("PGDATABASE", database);
        let psql = psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query]).run();
        match psql.status {
            Some(0) => Ok(psql.stdout.trim_end().to_owned()),
            _ => Err(psql.stderr),
        }
    }

    /// One line for each table: its name, its number of rows, and the md5 over all its rows.
    #[track_caller]
    pub fn contents(&self) -> String {
        self.contents_of("postgres")
    }

    /// The same of another database than `postgres`.
    #[track_caller]
    pub fn contents_of(&self, database: &str) -> String {
        let tables = self.sql_in(database, TABLES);
        let parts: Vec<String> = tables.lines().map(digest_query).collect();
        match parts.is_empty() {
            true => String::new(),
            // Several workers give them in any order.
            false => self.sql_in(database, &format!("{} order by 1", parts.join(" union all "))),
        }
    }

    /// One md5 over all rows of all user tables.
    #[track_caller]
    pub fn digest(&self) -> String {
        self.sql(&format!("select md5('{}')", self.contents().replace('\'', "''")))
    }

    /// Where the next WAL record goes (on a primary), or up to where WAL was replayed.
    #[track_caller]
    pub fn current_lsn(&self) -> String {
        self.sql(
            "select case when pg_is_in_recovery() then pg_last_wal_replay_lsn() \
             else pg_current_wal_lsn() end",
        )
    }
}

/// Rows have no order of their own, so their digests are sorted, and only then digested together.
fn digest_query(table: &str) -> String {
    let name = table.replace('\'', "''");
    format!(
        "select '{name}', count(*), md5(coalesce(string_agg(h, '' order by h), '')) \
         from (select md5(whole_row::text) collate \"C\" as h from {table} whole_row) rows"
    )
}
