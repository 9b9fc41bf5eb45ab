//! The only place that talks to a server through libpq. It owns the pointers and hands out owned values.
#![allow(unsafe_code, reason = "libpq is a C library; every call to a server is in this file")]

use std::ffi::{CString, c_char, c_void};
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use pq_sys as pq;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::linked::{owned, without_configuration_of_openssl};
use super::query::{default_host, variables_name_a_place};
use crate::error::{Class, Error, ErrorKind, NAMES, Result, is_of_a_name};
use crate::postgres::ServerVersion;

/// A connection to a PostgreSQL server. Not shared between threads; it may move from one to another.
pub struct PgConnection {
    raw: NonNull<pq::PGconn>,
    /// Longest wait for the next byte of an answer.
    patience: Duration,
}

// SAFETY: libpq allows a connection to be used from any thread, one at a time (libpq docs, "Behavior in
// Threaded Programs").
unsafe impl Send for PgConnection {}

/// What a query answered with.
#[derive(Debug)]
pub enum CommandAnswer {
    Rows(Rows),
    /// `COPY … TO STDOUT`: the data come next.
    CopyOut,
    /// A command without rows is done.
    Done,
}

/// Rows in text format, SQL's NULL being `None`, and the types of their columns (`pg_type.oid`).
#[derive(Debug, Default)]
pub struct Rows(pub Vec<Vec<Option<String>>>, pub Vec<u32>);

impl PgConnection {
    /// Connects as libpq does: `conninfo` is a connection string or URI; what it leaves open comes from
    /// the `PG…` variables, the service file and the password file. `more` are keywords that it
    /// overrides.
    pub fn open(conninfo: &str, more: &[(&str, &str)], patience: Duration) -> Result<Self> {
        Self::open_with(conninfo, more, &[], patience)
    }

    /// The same; the keywords in `last` override those of `conninfo`.
    pub fn open_with(
        conninfo: &str,
        first: &[(&str, &str)],
        last: &[(&str, &str)],
        patience: Duration,
    ) -> Result<Self> {
        without_configuration_of_openssl();
        let host = default_host(conninfo).map(|folder| ("host", folder));
        let first = host.into_iter().chain(first.iter().copied());
        let words = first.chain([("dbname", conninfo)]).chain(last.iter().copied());
        let text = |text: &str| {
            CString::new(text).map_err(|_| {
                Error::new(Class::Configuration, "a connection string can't contain a zero byte")
            })
        };
        let words: Vec<(CString, CString)> =
            words.map(|(key, value)| Ok((text(key)?, text(value)?))).collect::<Result<_>>()?;
        let end = || std::iter::once(ptr::null());
        let keys: Vec<*const c_char> =
            words.iter().map(|(key, _)| key.as_ptr()).chain(end()).collect();
        let values: Vec<*const c_char> =
            words.iter().map(|(_, value)| value.as_ptr()).chain(end()).collect();
        // The first `dbname` may be a connection string. Without one, the name of a database comes first: whoever may create a
        // database must not choose where we connect to.
        let may_expand = i32::from(!conninfo.is_empty());
        // SAFETY: both arrays are of one length, end with a null pointer and outlive the call.
        let raw = unsafe { pq::PQconnectdbParams(keys.as_ptr(), values.as_ptr(), may_expand) };
        let raw = NonNull::new(raw)
            .ok_or_else(|| Error::new(Class::Internal, "libpq could not get memory"))?;
        let connection = Self { raw, patience };
        // SAFETY: `raw` is the connection just made.
        if unsafe { pq::PQstatus(connection.raw()) } != pq::ConnStatusType::CONNECTION_OK {
            return Err(not_connected(&connection.message(), conninfo));
        }
        // SAFETY: a null argument is passed on to our function, which does not look at it.
        unsafe { pq::PQsetNoticeProcessor(connection.raw(), Some(log_notice), ptr::null_mut()) };
        Ok(connection)
    }

    pub fn server_version(&self) -> ServerVersion {
        // SAFETY: the connection is alive.
        ServerVersion(unsafe { pq::PQserverVersion(self.raw()) }.unsigned_abs())
    }

    /// The process of this session, as the server numbers it; 0 where a pooler is in between that tells none.
    pub fn backend(&self) -> u32 {
        // SAFETY: the connection is alive.
        unsafe { pq::PQbackendPID(self.raw()) }.unsigned_abs()
    }

    /// Sends a command. Its answers are taken with [`PgConnection::next_answer`], all of them.
    pub fn send(&mut self, command: &str) -> Result<()> {
        let text = CString::new(command)
            .map_err(|_| Error::new(Class::Usage, "a command can't contain a zero byte"))?;
        // SAFETY: the text ends with a zero byte and outlives the call.
        if unsafe { pq::PQsendQuery(self.raw(), text.as_ptr()) } == 0 {
            return Err(self.lost());
        }
        Ok(())
    }

    /// The next answer to what was sent; `None` after the last one.
    pub fn next_answer(&mut self) -> Result<Option<CommandAnswer>> {
        // SAFETY: the connection is alive; the result is freed by its owner.
        while unsafe { pq::PQisBusy(self.raw()) } != 0 {
            self.wait_for_input()?;
        }
        // SAFETY: as above; it is not busy, so this does not block.
        let Some(result) = NonNull::new(unsafe { pq::PQgetResult(self.raw()) }) else {
            return Ok(None);
        };
        let result = QueryResult(result);
        match result.status() {
            pq::ExecStatusType::PGRES_TUPLES_OK => Ok(Some(CommandAnswer::Rows(result.rows()))),
            pq::ExecStatusType::PGRES_COPY_OUT => Ok(Some(CommandAnswer::CopyOut)),
            pq::ExecStatusType::PGRES_COMMAND_OK | pq::ExecStatusType::PGRES_EMPTY_QUERY => {
                Ok(Some(CommandAnswer::Done))
            }
            _ => Err(result.error()),
        }
    }

    /// Sends a command and returns the rows of its one answer. After one that the server refused, the
    /// connection takes others.
    pub fn query(&mut self, command: &str) -> Result<Rows> {
        self.send(command)?;
        let mut rows = Rows::default();
        let mut refused = None;
        loop {
            match self.next_answer() {
                Ok(Some(CommandAnswer::Rows(found))) => rows = found,
                Ok(Some(_)) => {}
                Err(error) if refused.is_none() => refused = Some(error),
                Ok(None) | Err(_) => return refused.map_or(Ok(rows), Err),
            }
        }
    }

    /// Shows `visit` the next message of a copy; `None` after the last one.
    pub fn copy_data<R>(&mut self, visit: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        loop {
            let mut buffer: *mut c_char = ptr::null_mut();
            // SAFETY: libpq allocates the buffer, and `Message` frees it.
            let length = unsafe { pq::PQgetCopyData(self.raw(), &raw mut buffer, 1) };
            match usize::try_from(length) {
                Ok(0) => self.wait_for_input()?,
                Ok(length) => return Ok(Some(visit(CopyMessage { buffer, length }.bytes()))),
                Err(_) if length == -1 => return Ok(None),
                Err(_) => return Err(self.lost()),
            }
        }
    }

    fn wait_for_input(&mut self) -> Result<()> {
        // SAFETY: the connection is alive, and so is its socket for as long as we borrow it.
        let socket = unsafe {
            let socket = pq::PQsocket(self.raw());
            if socket < 0 {
                return Err(self.lost());
            }
            BorrowedFd::borrow_raw(socket)
        };
        let until = Instant::now() + self.patience;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let mut waiting = [PollFd::new(&socket, PollFlags::IN)];
            let timeout = Timespec::try_from(left).ok();
            match poll(&mut waiting, timeout.as_ref()) {
                Ok(0) => return Err(self.silent()),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    let message = format!("could not wait for the server: {error}");
                    return Err(Error::new(Class::Internal, message));
                }
            }
        }
        // SAFETY: the connection is alive.
        if unsafe { pq::PQconsumeInput(self.raw()) } == 0 {
            return Err(self.lost());
        }
        Ok(())
    }

    fn raw(&self) -> *mut pq::PGconn {
        self.raw.as_ptr()
    }

    fn message(&self) -> String {
        // SAFETY: the text belongs to the connection and is copied before anything else happens to it.
        owned(unsafe { pq::PQerrorMessage(self.raw()) })
    }

    fn lost(&self) -> Error {
        Error::new(Class::Unreachable, format!("the connection broke: {}", self.message()))
            .of(ErrorKind::NotUp)
            .hint("Look into the server's log; a proxy in between may cut long connections.")
    }

    fn silent(&self) -> Error {
        let patience = humantime::format_duration(self.patience);
        Error::new(Class::Unreachable, format!("the server said nothing for {patience}"))
            .hint("Is it overloaded, or waiting for a checkpoint? Try --checkpoint fast.")
    }
}

impl Drop for PgConnection {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pointer.
        unsafe { pq::PQfinish(self.raw()) }
    }
}

struct QueryResult(NonNull<pq::PGresult>);

impl QueryResult {
    fn raw(&self) -> *mut pq::PGresult {
        self.0.as_ptr()
    }

    fn status(&self) -> pq::ExecStatusType {
        // SAFETY: the result is alive.
        unsafe { pq::PQresultStatus(self.raw()) }
    }

    fn rows(&self) -> Rows {
        // SAFETY: rows and columns are within what libpq says there is; texts are copied.
        unsafe {
            let (rows, columns) = (pq::PQntuples(self.raw()), pq::PQnfields(self.raw()));
            let field = |row, column| {
                let null = pq::PQgetisnull(self.raw(), row, column) != 0;
                (!null).then(|| owned(pq::PQgetvalue(self.raw(), row, column)))
            };
            let values =
                (0..rows).map(|row| (0..columns).map(|column| field(row, column)).collect());
            let types = (0..columns).map(|column| pq::PQftype(self.raw(), column));
            Rows(values.collect(), types.collect())
        }
    }

    /// What the server said against a command.
    fn error(&self) -> Error {
        let field = |code: u8| {
            // SAFETY: the text belongs to the result; a field that is not there is null.
            owned(unsafe { pq::PQresultErrorField(self.raw(), i32::from(code)) })
        };
        let (sqlstate, message, hint) = (field(b'C'), field(b'M'), field(b'H'));
        if message.is_empty() {
            // SAFETY: as above.
            let whole = owned(unsafe { pq::PQresultErrorMessage(self.raw()) });
            return Error::new(Class::Unreachable, whole);
        }
        let class = match sqlstate.get(..2) {
            Some("28" | "42") => Class::Refused,
            // `data_corrupted`: the checksums of pages, said when a base backup has ended.
            Some("XX") if sqlstate == "XX001" => Class::Damaged,
            _ => Class::Unreachable,
        };
        let error = Error::new(class, format!("the server says: {message} (SQLSTATE {sqlstate})"))
            .of(match sqlstate.get(..3) {
                // `operator_intervention`: it starts, stops, or ends this session.
                Some("57P") => ErrorKind::NotUp,
                _ => ErrorKind::Sqlstate(sqlstate),
            });
        if hint.is_empty() { error } else { error.hint(hint) }
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        // SAFETY: nobody else has the pointer.
        unsafe { pq::PQclear(self.raw()) }
    }
}

struct CopyMessage {
    buffer: *mut c_char,
    length: usize,
}

impl CopyMessage {
    fn bytes(&self) -> &[u8] {
        // SAFETY: libpq says that so many bytes are there; they live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.buffer.cast(), self.length) }
    }
}

impl Drop for CopyMessage {
    fn drop(&mut self) {
        // SAFETY: libpq allocated it, and nobody else has it.
        unsafe { pq::PQfreemem(self.buffer.cast()) }
    }
}

unsafe extern "C" fn log_notice(_: *mut c_void, message: *const c_char) {
    tracing::warn!("the server says: {}", owned(message));
}

/// libpq puts a hint of its own on a line of its own.
fn not_connected(message: &str, conninfo: &str) -> Error {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let kind = kind_of(&message);
    let error = refused_or_not_there(&message, conninfo);
    kind.map_or(error.clone(), |kind| error.of(kind))
}

/// libpq gives a connection that failed no SQLSTATE: the words of server and library are all there is.
fn kind_of(message: &str) -> Option<ErrorKind> {
    let has = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if has(&[
        "the database system is",
        "Connection refused",
        "No such file or directory",
        "timeout expired",
        "closed the connection unexpectedly",
    ]) {
        Some(ErrorKind::NotUp)
    } else if message.contains("database \"") {
        Some(ErrorKind::Database)
    } else if message.contains("role \"") {
        Some(ErrorKind::Role)
    } else {
        None
    }
}

fn refused_or_not_there(message: &str, conninfo: &str) -> Error {
    let refused = [
        "authentication failed",
        "no password supplied",
        "no pg_hba.conf entry",
        "role \"",
        "permission denied",
    ];
    if refused.iter().any(|text| message.contains(text)) {
        // libpq takes the name of the system's user where no role is named.
        let hint = if message.contains("role \"root\" does not exist") {
            "Run it as the user that runs PostgreSQL (sudo -u postgres), or name a role in postgres.connection."
        } else {
            "The role needs REPLICATION, and pg_hba.conf a line for the database `replication`."
        };
        return Error::new(Class::Refused, format!("could not connect: {message}")).hint(hint);
    }
    // libpq asks it too, where nobody listens. Any other error (a service, a certificate) has nothing to do with it.
    let is_down =
        ["Is the server running", "timeout expired"].iter().any(|it| message.contains(it));
    let hint = if is_of_a_name(message) {
        NAMES
    } else if is_down && !conninfo.is_empty() {
        "Is the server running? If so, it is not where postgres.connection (--postgres-connection) says."
    } else if is_down && variables_name_a_place() {
        "Is the server running? If so, it is not where the PG… variables say."
    } else {
        "Say where the server is: --postgres-connection 'host=… user=…', or the PG… variables."
    };
    Error::new(Class::Unreachable, format!("could not connect: {message}")).hint(hint)
}
