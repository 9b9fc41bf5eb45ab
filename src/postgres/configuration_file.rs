//! `postgresql.conf` and `postgresql.auto.conf` as the server reads them (`guc-file.l`): a setting a line.

/// A line that sets something, or includes another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigurationLine {
    /// In lower case, as names are compared.
    pub name: String,
    pub value: String,
}

/// All that a file sets, in order. Lines that can't be understood set nothing.
pub fn settings_in(text: &str) -> impl Iterator<Item = ConfigurationLine> + '_ {
    text.lines().filter_map(setting)
}

/// The last value counts.
pub fn last_setting(text: &str, name: &str) -> Option<String> {
    settings_in(text).filter(|it| it.name == name).last().map(|it| it.value)
}

fn setting(line: &str) -> Option<ConfigurationLine> {
    let line = line.trim_start();
    let of_name = |c: char| c.is_ascii_alphanumeric() || "_.$".contains(c);
    let end = line.find(|c| !of_name(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    if name.is_empty() {
        return None;
    }
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    let value = match rest.strip_prefix('\'') {
        Some(quoted) => unquoted(quoted)?,
        None => rest.split(['#', ' ', '\t', '\r']).next().unwrap_or_default().to_owned(),
    };
    Some(ConfigurationLine { name: name.to_ascii_lowercase(), value })
}

/// Up to the quote at the end. A quote within is written twice or behind a backslash.
fn unquoted(text: &str) -> Option<String> {
    let (mut value, mut characters) = (String::new(), text.chars().peekable());
    loop {
        match characters.next()? {
            '\'' if characters.next_if_eq(&'\'').is_none() => return Some(value),
            '\\' => match characters.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_the_server_reads_them() {
        let text = "#data_directory = '/no'\ndata_directory='/one' # old\n Data_Directory = '/two'\n\
                    data_directory_mode = '0700'\nport = 5432 # here\nwork_mem 4MB\n\
                    log_directory = 'it''s C:\\\\x\\n'\ninclude 'more.conf'\nhba_file = 'open\nmy.own = 1#2\n";
        let last = |name| last_setting(text, name);
        assert_eq!(last("data_directory").as_deref(), Some("/two"));
        assert_eq!([last("port"), last("work_mem")].map(Option::unwrap), ["5432", "4MB"]);
        assert_eq!(last("log_directory").as_deref(), Some("it's C:\\x\n"));
        assert_eq!([last("include"), last("my.own")].map(Option::unwrap), ["more.conf", "1"]);
        assert_eq!(last("hba_file"), None);
    }
}
