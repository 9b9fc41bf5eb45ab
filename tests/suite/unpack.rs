//! Laying down what `pg_basebackup` has taken and these tests have put into a repository by hand.

mod again;
mod backup;
mod damage;
mod stored;
mod whole;
