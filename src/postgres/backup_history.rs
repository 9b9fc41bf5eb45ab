use super::Malformed;

/// Whether `content` is a backup history file, which PostgreSQL writes at the end of a base backup
/// (`build_backup_content` in `xlogbackup.c`): it begins with the backup's first LSN.
pub fn check_backup_history(content: &[u8]) -> Result<(), Malformed> {
    const FIRST_LINE: &[u8] = b"START WAL LOCATION: ";
    if content.starts_with(FIRST_LINE) {
        return Ok(());
    }
    Err(Malformed::new(
        "expected a backup history file that begins with \"START WAL LOCATION: \", found other content",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_words_decide() {
        assert!(check_backup_history(b"START WAL LOCATION: 0/2000028 (file 1)\n").is_ok());
        assert!(check_backup_history(b"").is_err());
    }
}
