//! What every `delete` refuses, shows before it deletes, and says of what it leaves.

use super::pruning::Amounts;
use super::shown::{plain, table};
use crate::error::{Class, Error, Result};
use crate::repository::Repository;

/// What was asked for.
pub struct Order<'a> {
    /// The beginning of an id.
    pub id: String,
    /// Also the only good one in a repository.
    pub even_the_last: bool,
    pub agree: &'a mut dyn FnMut(&str) -> Result<bool>,
}

/// The one that is to go, in one repository.
pub struct Copy {
    pub repository: usize,
    pub bytes: u64,
    pub pinned: bool,
    /// Why it can't be restored; `None` where it can, or nobody knows.
    pub fault: Option<String>,
    /// Whether there is another good one in this repository.
    pub others: bool,
}

/// What a plan is about.
pub struct About<'a> {
    pub id: &'a str,
    /// Like `base backup`.
    pub what: &'a str,
    /// Like `basebackup`.
    pub program: &'a str,
    pub repositories: &'a [Repository],
}

impl About<'_> {
    /// The plan as people are shown it. Fails where something must stay.
    pub fn plan(&self, copies: &[Copy], even_the_last: bool, amounts: &Amounts) -> Result<String> {
        for copy in copies {
            self.refuse(copy, even_the_last)?;
        }
        let row = |copy: &Copy| {
            let fault = copy.fault.as_ref().map(|fault| format!(", damaged: {}", plain(fault)));
            let last = (copy.fault.is_none() && !copy.others).then_some(", the last good one");
            let why = format!("asked for{}{}", fault.unwrap_or_default(), last.unwrap_or_default());
            vec!["delete".to_owned(), self.name(copy).to_owned(), plain(self.id), why]
        };
        let heads = ["", "IN", &self.what.to_uppercase(), "WHY"].map(str::to_owned).into();
        let rows: Vec<Vec<String>> = std::iter::once(heads).chain(copies.iter().map(row)).collect();
        Ok(table(&rows, &[]) + "\n" + &amounts.told(self.repositories))
    }

    fn refuse(&self, copy: &Copy, even_the_last: bool) -> Result<()> {
        let (id, what, name) = (self.id, self.what, self.name(copy));
        if copy.pinned {
            let message = format!("{id} is pinned in repository {name}, so it is not deleted");
            return Err(Error::new(Class::Usage, message)
                .hint(format!("`{} unpin {id}` leaves it to be deleted.", self.program)));
        }
        if copy.fault.is_none() && !copy.others && !even_the_last {
            let message =
                format!("{id} is the only {what} in repository {name} that can be restored");
            return Err(Error::new(Class::Usage, message).hint(format!(
                "Take a new one first (`{} create`), name with --repository where it is to be deleted, or add --even-the-last.",
                self.program
            )));
        }
        Ok(())
    }

    fn name(&self, copy: &Copy) -> &str {
        self.repositories.get(copy.repository).map_or("", Repository::name)
    }

    /// The repositories that hold it.
    pub fn places(&self, copies: &[Copy]) -> Vec<&Repository> {
        copies.iter().filter_map(|copy| self.repositories.get(copy.repository)).collect()
    }
}

/// How much goes.
pub fn amounts(copies: &[Copy]) -> Amounts {
    let mut amounts = Amounts::default();
    copies.iter().for_each(|copy| amounts.add(copy.repository, copy.bytes));
    amounts
}
