//! Files are written whole or not at all.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::io::{Error, Write};
use std::path::Path;

use pleat_prover::files::{Access, NewFile, write_atomically, write_together};

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name =
        |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().into_string().unwrap();
    entries.map(name).collect()
}

#[test]
fn a_file_is_written_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pleat");
    let long = vec![7; 100_000];
    write_atomically(&path, |w| w.write_all(&long)).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), long);
    write_atomically(&path, |w| w.write_all(b"short")).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"short");
    assert_eq!(names(folder.path()), ["model.pleat"]);
}

#[test]
fn a_failed_write_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proof");
    let fail = |w: &mut dyn Write| {
        w.write_all(&[1; 100_000])?;
        Err(Error::other("the prover stopped"))
    };
    let error = write_atomically(&path, fail).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot write {}: the prover stopped", path.display())
    );
    assert!(names(folder.path()).is_empty());

    std::fs::write(&path, b"before").unwrap();
    write_atomically(&path, fail).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), b"before");
    assert_eq!(names(folder.path()), ["proof"]);
}

#[test]
fn a_missing_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such/file");
    let error = write_atomically(&path, |_| Ok(())).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("cannot write {}: ", path.display())),
        "{error}"
    );

    // A folder in the file's place: the rename fails, and the temporary file goes.
    let path = folder.path().join("folder");
    std::fs::create_dir(&path).unwrap();
    write_atomically(&path, |w| w.write_all(b"x")).unwrap_err();
    assert_eq!(names(folder.path()), ["folder"]);
}

#[cfg(unix)]
#[test]
fn others_may_read_what_a_new_file_lets_them_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    let (plain, atomic) = (folder.path().join("plain"), folder.path().join("atomic"));
    std::fs::write(&plain, b"x").unwrap();
    write_atomically(&atomic, |w| w.write_all(b"x")).unwrap();
    assert_eq!(mode(&atomic), mode(&plain));
}

#[test]
fn files_that_belong_together_are_all_written_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("a.secret");
    let proof = folder.path().join("a.proof");
    let file = |path, access| NewFile {
        path,
        bytes: b"bytes",
        access,
    };
    let nowhere = folder.path().join("missing/a.proof");
    let error = write_together(&[
        file(&secret, Access::Private),
        file(&nowhere, Access::Shared),
    ])
    .unwrap_err();
    assert_eq!(error.path, nowhere);
    assert!(names(folder.path()).is_empty());

    write_together(&[file(&secret, Access::Private), file(&proof, Access::Shared)]).unwrap();
    assert_eq!(std::fs::read(&proof).unwrap(), b"bytes");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&secret).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
