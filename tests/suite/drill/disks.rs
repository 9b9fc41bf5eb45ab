use super::Scene;
use crate::namespace;
use crate::support::postgres::NEWEST;

#[test]
fn a_full_disk_is_said_and_cleaned_up() {
    let scene = Scene::new(NEWEST);
    let disk = scene.place.folder("disk");
    let programs = crate::support::postgres::Installation::of(NEWEST).program("postgres");
    let programs = std::path::Path::new(&programs).parent().unwrap().to_owned();
    let script = "mount -t tmpfs -o size=12m,mode=0777 tmpfs $disk\n\
                  set +e\n\
                  $as $basebackup drill --repository=$archive --drill-directory=$disk --drill-postgres-bin=$bin >$out/out 2>$out/before\n\
                  echo $? >$out/before.status\n\
                  mount -t tmpfs -o remount,size=400m tmpfs $disk\n\
                  head -c 369m /dev/zero >$disk/filler\n\
                  $as $basebackup drill --repository=$archive --drill-directory=$disk --drill-postgres-bin=$bin --drill-shared-buffers=1MiB >$out/out 2>$out/during\n\
                  echo $? >$out/during.status\n\
                  ls -A $disk >$out/left\n";
    let out = scene.place.folder("steps");
    let Some(run) = namespace::script(&scene.place, script) else { return };
    let program = scene.place.program(env!("CARGO_BIN_EXE_basebackup"));
    scene.place.program(env!("CARGO_BIN_EXE_wal-fetch"));
    let run =
        run.env("basebackup", program).env("out", &out).env("disk", &disk).env("bin", programs);
    run.env("archive", scene.archive())
        .env("SEAWALL_LOG_FORMAT", "text")
        .limit(super::LIMIT)
        .run()
        .expect(0);
    let text = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(text("before.status"), "10\n", "{}", text("before"));
    let before = text("before");
    assert!(before.contains(&format!(" free in {disk:?}, found ")), "{before}");
    assert!(
        before
            .contains("HINT: Free some space, or set drill.directory to a folder on another disk."),
        "{before}"
    );
    assert_eq!(text("during.status"), "10\n", "{}", text("during"));
    assert!(text("during").contains("No space left on device"), "{}", text("during"));
    assert_eq!(text("left"), "filler\n");
    assert_eq!(scene.records().len(), 2);
}
