//! The C libraries that are linked in: their versions, and OpenSSL without the configuration of the host.
#![allow(unsafe_code, reason = "libpq and OpenSSL are C libraries")]

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use pq_sys as pq;

/// `OPENSSL_INIT_NO_LOAD_CONFIG` in `crypto.h`.
const NO_LOAD_CONFIG: u64 = 0x80;

unsafe extern "C" {
    /// Of libcrypto, which is linked in for libpq (`openssl/crypto.h`, since OpenSSL 1.1).
    fn OpenSSL_version(what: c_int) -> *const c_char;
    fn OPENSSL_init_crypto(options: u64, settings: *const c_void) -> c_int;
}

/// The version of the libpq that is linked in, like `18.6`.
pub(crate) fn libpq_version() -> String {
    // SAFETY: it needs nothing.
    let number = unsafe { pq::PQlibVersion() };
    format!("{}.{}", number / 10_000, number % 10_000)
}

/// The version of the OpenSSL that is linked in, as it names itself: `OpenSSL 3.0.19 27 Jan 2026`.
pub(crate) fn openssl_version() -> String {
    /// `OPENSSL_VERSION` in `crypto.h`.
    const VERSION: c_int = 0;
    // SAFETY: it hands out a constant text, before anything was set up, too.
    owned(unsafe { OpenSSL_version(VERSION) })
}

/// libpq's TLS and passwords go without the host's `openssl.cnf` and `OPENSSL_CONF`. A provider or an engine that is
/// named there is a module of the host, and a static program that loads one dies of it: see `cli/start.rs`. Said
/// before anything else it holds for the process alone, and not for the programs that it runs.
pub(super) fn without_configuration_of_openssl() {
    // SAFETY: any thread may call it, any number of times; a null pointer stands for no settings.
    unsafe { OPENSSL_init_crypto(NO_LOAD_CONFIG, ptr::null()) };
}

/// A copy of a text of theirs; empty for a null pointer.
pub(super) fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: their texts end with a zero byte.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().trim().to_owned()
}
