//! What every program does first, while it has one thread.

#![allow(unsafe_code, reason = "the C library has a function for it, and Rust has not")]

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Where users, groups, hosts and the like are looked for (`nsswitch.conf(5)`), whatever that file says.
///
/// For anything but `files` and `dns`, which are in it, a static glibc would load a module of the host, and with it
/// the host's own C library. Where that is of another version than ours, the program dies without a word.
#[cfg(target_env = "gnu")]
const SOURCES: [(&std::ffi::CStr, &std::ffi::CStr); 14] = [
    (c"hosts", c"files dns"),
    (c"aliases", c"files"),
    (c"ethers", c"files"),
    (c"group", c"files"),
    (c"gshadow", c"files"),
    (c"initgroups", c"files"),
    (c"netgroup", c"files"),
    (c"networks", c"files"),
    (c"passwd", c"files"),
    (c"protocols", c"files"),
    (c"publickey", c"files"),
    (c"rpc", c"files"),
    (c"services", c"files"),
    (c"shadow", c"files"),
];

/// What OpenSSL calls for an engine, which `sslkey` may name, or a provider: another way to a module of the host.
#[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
#[unsafe(no_mangle)]
extern "C" fn dlopen(_: *const std::ffi::c_char, _: std::ffi::c_int) -> *mut std::ffi::c_void {
    std::ptr::null_mut()
}

/// To be called before there is a second thread.
pub fn prepare() {
    no_module_of_the_host();
    files_may_be_too_large();
}

#[cfg(target_env = "gnu")]
fn no_module_of_the_host() {
    unsafe extern "C" {
        /// `nss.h`: "Overwrite service selection for database DBNAME".
        fn __nss_configure_lookup(
            database: *const std::ffi::c_char,
            sources: *const std::ffi::c_char,
        ) -> std::ffi::c_int;
    }
    for (database, sources) in SOURCES {
        // SAFETY: both texts end with a zero byte and live as long as the program; nobody else looks anything up.
        // It fails for a database that this glibc does not know, which it does not look into then either.
        unsafe { __nss_configure_lookup(database.as_ptr(), sources.as_ptr()) };
    }
}

/// Other C libraries have no modules.
#[cfg(not(target_env = "gnu"))]
fn no_module_of_the_host() {}

/// A file that grows beyond `ulimit -f` ends a program by SIGXFSZ. Where it is caught, the write fails, and says so.
/// Not ignored: that would be handed on to the programs that we run.
fn files_may_be_too_large() {
    let caught = Arc::new(AtomicBool::new(false));
    // Where it can't be caught, things are as they were.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, caught);
}
