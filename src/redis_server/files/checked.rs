use std::io::{self, Read};

use crate::redis_server::rdb::RdbCheck;

/// Reads an RDB file and checks it on the way: what is not a whole one fails with its last bytes.
pub struct CheckedRead<R> {
    inner: R,
    check: Option<RdbCheck>,
}

impl<R: Read> CheckedRead<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, check: Some(RdbCheck::new()) }
    }
}

impl<R: Read> Read for CheckedRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        if count > 0 {
            let check = self.check.as_mut().map_or(Ok(()), |check| check.write(&buffer[..count]));
            check.map_err(invalid)?;
        } else if !buffer.is_empty()
            && let Some(check) = self.check.take()
        {
            check.finish().map_err(invalid)?;
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_rdb_file_fails_in_the_reading() {
        for content in [&b""[..], b"REDIS0010\xff", b"anything at all"] {
            let mut read = Vec::new();
            let error = CheckedRead::new(content).read_to_end(&mut read).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().starts_with("expected a"), "{error}");
        }
    }
}
