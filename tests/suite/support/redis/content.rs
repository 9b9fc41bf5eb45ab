use seawall::redis_backup::Keys;

use super::{RedisServer, query};

/// A key far from its end.
const LATER: &str = "100000000";

impl RedisServer {
    /// Keys of all types and encodings, in three databases, some with an expiry.
    #[track_caller]
    pub fn fill(&self) {
        let connection = &mut self.connect();
        let mut run = |words: &[&str]| {
            query::<redis::Value>(connection, words);
        };
        let long = "a value that is longer than what is packed ".repeat(20);
        for database in ["0", "3", "15"] {
            run(&["SELECT", database]);
            run(&["SET", "text", "hello"]);
            run(&["SET", "number", "12345"]);
            run(&["SET", "large number", "123456789012345"]);
            run(&["SET", "long", &long]);
            run(&["SET", "zeros", "\0\0\r\n\0"]);
            run(&["SET", "expires", "some day", "EX", LATER]);
            run(&["PFADD", "distinct", "a", "b", "c"]);
            run(&["SETBIT", "bits", "100000", "1"]);
            run(&["GEOADD", "places", "13.36", "38.11", "Palermo"]);
            for (number, value) in [("1", "short"), ("2", long.as_str())] {
                for count in 0..200 {
                    let each = format!("{value}{count}");
                    let score = format!("{count}.5");
                    run(&["RPUSH", &format!("list{number}"), &each]);
                    run(&["SADD", &format!("set{number}"), &each]);
                    run(&["SADD", &format!("integers{number}"), &count.to_string()]);
                    run(&["ZADD", &format!("scores{number}"), &score, &each]);
                    run(&["HSET", &format!("hash{number}"), &each, value]);
                    run(&["XADD", &format!("stream{number}"), "*", "field", &each]);
                }
                run(&["EXPIRE", &format!("hash{number}"), LATER]);
                let stream = format!("stream{number}");
                run(&["XGROUP", "CREATE", &stream, "group", "0"]);
                run(&[
                    "XREADGROUP",
                    "GROUP",
                    "group",
                    "reader",
                    "COUNT",
                    "5",
                    "STREAMS",
                    &stream,
                    ">",
                ]);
                run(&["XDEL", &stream, "1-1"]);
            }
            run(&["ZADD", "infinite", "inf", "a", "-inf", "b"]);
            run(&["HSET", "small", "f", "v"]);
            run(&["RPUSH", "one", "1"]);
        }
        if self.program().version.0 >= 7 {
            let code = "#!lua name=mine\nredis.register_function('f', function() return 1 end)";
            run(&["FUNCTION", "LOAD", code]);
        }
        if self.program().valkey && self.program().version.0 >= 9 {
            run(&["HEXPIRE", "small", LATER, "FIELDS", "1", "f"]);
        }
    }

    /// So many MiB in random values, that no compression makes small.
    #[track_caller]
    pub fn fill_mebibytes(&self, count: usize) {
        let connection = &mut self.connect();
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut value = vec![0; 1 << 20];
        for number in 0..count {
            for word in value.chunks_exact_mut(8) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                word.copy_from_slice(&state.to_le_bytes());
            }
            let mut set = redis::cmd("SET");
            set.arg(format!("large{number}")).arg(&value);
            set.exec(connection).expect("memory");
        }
    }

    /// What the server counts now.
    #[track_caller]
    pub fn keys(&self) -> Vec<Keys> {
        let mut server =
            seawall::redis_backup::ServerConnection::connect(&self.config(), &super::LIMITS)
                .unwrap_or_else(|error| panic!("{error}"));
        server.keys().unwrap()
    }
}
