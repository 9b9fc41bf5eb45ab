//! What `verify` reads of base backups: the WAL behind them, too.

use crate::backup::{ReadTotals, VerifyReport};
use crate::basebackup::Description;
use crate::basebackup::verify::Verification;
use crate::cli::text::{count, size};
use crate::command::backups::verify::{Verifies, VerifyJob};
use crate::config::Config;
use crate::history::RecordSubject;
use crate::postgres::SystemIdentifier;

impl Verifies for Description {
    const VERIFY_HELP: [&'static str; 3] = [
        "Reads every byte of base backups and of the WAL behind them, in every repository",
        "Reads every byte of base backups and of the WAL behind them, in every repository

It compares parts, manifests, descriptions, WAL segments and history files with their checksums, with each other
and with their names, and looks for gaps in the WAL. Each fault is a line that says what can't be recovered
because of it.",
        "\
Exit status 5: something is damaged or missing. A repository that does not answer is a separate \
     error; the others are still verified. Without a private key (--encryption-identity-file) encrypted objects are checked as \
      far as possible; the output says what was not checked.",
    ];

    fn verified(config: &Config, system: SystemIdentifier) -> RecordSubject {
        RecordSubject::postgres(&config.cluster, system)
    }

    fn read_chosen(job: &VerifyJob<'_, Self>) -> VerifyReport {
        Verification {
            config: job.seen.config,
            repositories: job.seen.repositories,
            identities: job.identities,
            survey: job.seen.survey,
            backups: job.chosen.clone(),
            all: job.all,
            quick: job.quick,
            progress: &|done, of| job.bar.at(done, of),
        }
        .run()
    }

    fn read_words(read: &ReadTotals, quick: bool) -> String {
        let backups = count(read.backups, "base backup");
        let (objects, files) = (count(read.objects, "object"), count(read.wal_files, "WAL file"));
        if quick {
            return format!("{backups} with {objects}, and {files}");
        }
        let (of_objects, of_files) = (size(read.object_bytes), size(read.wal_bytes));
        format!("{backups} with {objects} ({of_objects}), and {files} ({of_files})")
    }
}
