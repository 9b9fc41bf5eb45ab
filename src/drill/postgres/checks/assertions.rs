use super::{Checks, Outcome};
use crate::error::{Class, Error, Result};
use crate::replication::Rows;

/// `pg_type.dat`
const BOOLEAN: u32 = 16;

/// Whether a query of the user's gives true.
pub(super) fn check(checks: &Checks<'_>, query: &str) -> Result<Outcome> {
    let connected = checks.address.connect(checks.database, checks.deadline());
    let answer = connected.map(|mut connection| connection.query(query));
    if let Err(error) | Ok(Err(error)) = &answer
        && error.class() == Class::Unreachable
    {
        // It does not answer in time.
        checks.deadline().left()?;
    }
    // Whatever the server has against it, a table that is not there say, is no answer.
    let refused = |error: Error| Error::new(Class::Damaged, error.to_string());
    let answer = answer.and_then(|rows| rows.map_err(refused));
    Ok(match answer.and_then(|rows| judge(&rows)) {
        Ok(()) => Outcome::Passed(query.to_owned()),
        Err(error) => Outcome::Failed(error.while_doing(query)),
    })
}

fn judge(rows: &Rows) -> Result<()> {
    let wrong = |found: String| {
        let message = format!("expected one row with one boolean, found {found}");
        Error::new(Class::Configuration, message).hint("Mend drill.assert.")
    };
    match (&rows.0[..], &rows.1[..]) {
        ([row], [BOOLEAN]) => match row.first().and_then(Option::as_deref) {
            Some("t") => Ok(()),
            found => {
                let found = if found.is_some() { "false" } else { "NULL" };
                Err(Error::new(Class::Damaged, format!("expected true, found {found}")))
            }
        },
        ([row], [_]) => {
            let value = row.first().cloned().flatten().unwrap_or_else(|| "NULL".to_owned());
            Err(wrong(format!("{value:?}, which is not a boolean")))
        }
        (rows, columns) => Err(wrong(format!("{} rows of {} columns", rows.len(), columns.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_true_passes() {
        let judged = |values: &[&[Option<&str>]], types: &[u32]| {
            let row = |row: &&[Option<&str>]| row.iter().map(|it| it.map(str::to_owned)).collect();
            let rows = Rows(values.iter().map(row).collect(), types.to_vec());
            judge(&rows).map_err(|error| (error.class(), error.to_string()))
        };
        assert_eq!(judged(&[&[Some("t")]], &[BOOLEAN]), Ok(()));
        for (value, found) in [(Some("f"), "false"), (None, "NULL")] {
            let expected = (Class::Damaged, format!("expected true, found {found}"));
            assert_eq!(judged(&[&[value]], &[BOOLEAN]), Err(expected));
        }
        let wrong = |found: &str| {
            let text = format!("expected one row with one boolean, found {found}");
            Err((Class::Configuration, format!("{text}. HINT: Mend drill.assert.")))
        };
        assert_eq!(judged(&[&[Some("t")]], &[25]), wrong("\"t\", which is not a boolean"));
        assert_eq!(judged(&[], &[BOOLEAN]), wrong("0 rows of 1 columns"));
        assert_eq!(judged(&[], &[]), wrong("0 rows of 0 columns"));
        assert_eq!(
            judged(&[&[Some("t"), Some("t")]], &[BOOLEAN, BOOLEAN]),
            wrong("1 rows of 2 columns")
        );
    }
}
