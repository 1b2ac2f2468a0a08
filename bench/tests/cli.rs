//! The program itself: rows, limits, plots, tables; and that the page of figures is the one that the kept rows give.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pleat_bench::rows::{self, OUT_OF_MEMORY, OUT_OF_TIME, Row};
use pleat_bench::tables::{self, AllRows};

fn bench(results: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleat-bench"));
    command.arg("--results").arg(results).args(args);
    command.output().unwrap()
}

fn folding(results: &Path, args: &[&str]) -> Vec<Row> {
    let fixed = ["folding", "--dense", "4", "--systems", "clear"];
    folding_of(results, &fixed, args)
}

fn folding_of(results: &Path, fixed: &[&str], args: &[&str]) -> Vec<Row> {
    let output = bench(results, &[fixed, args].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    rows::read(&results.join("folding.csv")).unwrap()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

#[test]
fn rows_become_plots_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path();
    let first = folding(results, &["--depths", "1,2", "--repetitions", "2"]);
    let seen: Vec<_> = first.iter().map(|r| (r.depth, r.repetition)).collect();
    assert_eq!(seen, [(1, 1), (1, 2), (2, 1), (2, 2)]);
    for row in &first {
        assert!(row.is_ok(), "{}", row.status);
        assert_eq!(
            (row.macs, row.weights),
            (Some(16 * row.depth), Some(20 * row.depth))
        );
        let stages: f64 = row.stages().iter().filter_map(|s| s.1).sum();
        let wall = row.wall.unwrap();
        assert!(stages > 0.0 && stages <= wall * 1.001, "{stages} of {wall}");
        assert!(row.cpu.unwrap() > 0.0 && row.peak_bytes.unwrap() > 1 << 20);
        assert_eq!((row.fold, row.compress), (None, None));
    }
    // Kept when asked, else replaced; short runs are repeated unless told otherwise.
    assert_eq!(folding(results, &["--depths", "1", "--append"]).len(), 7);
    assert_eq!(folding(results, &["--depths", "1", "--quiet"]).len(), 3);

    assert!(bench(results, &["plot"]).status.success());
    let drawn = std::fs::read_dir(results).unwrap().map(|e| e.unwrap());
    let mut drawn: Vec<_> = drawn
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    drawn.retain(|name| name.starts_with("folding-dense-4-") && name.contains("core"));
    drawn.sort_unstable();
    assert!(
        matches!(&drawn[..], [png, svg] if png.ends_with(".png") && svg.ends_with(".svg")),
        "{drawn:?}"
    );
    let page = folder.path().join("page.md");
    std::fs::copy(repository("docs/benchmarks.md"), &page).unwrap();
    let path = page.to_string_lossy();
    assert!(
        bench(results, &["tables", "--into", &path])
            .status
            .success()
    );
    assert!(
        std::fs::read_to_string(&page)
            .unwrap()
            .contains("### dense 4, ")
    );
    std::fs::write(&page, "no places").unwrap();
    let output = bench(results, &["tables", "--into", &path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("<!-- machines -->")
    );
}

#[test]
fn systems_take_turns_on_as_many_cores_as_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let fixed = ["folding", "--dense", "4", "--systems", "tree,clear"];
    let args = ["--depths", "1", "--repetitions", "2", "--cores", "1"];
    let rows = folding_of(folder.path(), &fixed, &args);
    let seen: Vec<_> = rows.iter().map(|r| (r.system.as_str(), r.cores)).collect();
    assert_eq!(seen, [("tree", 1), ("clear", 1), ("tree", 1), ("clear", 1)]);
    for row in &rows {
        assert!(row.is_ok(), "{}", row.status);
        let (wall, cpu) = (row.wall.unwrap(), row.cpu.unwrap());
        assert!(cpu <= wall * 1.05 + 0.01, "{cpu} s of CPU time in {wall} s");
        assert_eq!(row.fold.is_some(), row.system == "tree");
        assert_eq!(row.compress, None);
    }
    let more = bench(
        folder.path(),
        &[&fixed[..], &["--cores", "100000"]].concat(),
    );
    assert_eq!(more.status.code(), Some(2));
    let errors = String::from_utf8(more.stderr).unwrap();
    assert!(errors.contains("100000 cores are asked for"), "{errors}");
    // What was there is still there.
    let kept = rows::read(&folder.path().join("folding.csv")).unwrap();
    assert_eq!(kept.len(), 4);
}

#[test]
fn whole_processes_are_measured() {
    let own = PathBuf::from(env!("CARGO_BIN_EXE_pleat-bench"));
    let folder = tempfile::tempdir_in(own.parent().unwrap()).unwrap();
    // Without the programs, as when this package alone was built, it says what to do. A link, as a copy could not be run while a test
    // that starts a process at the same moment holds it open for writing.
    let lonely = folder.path().join("pleat-bench");
    std::fs::hard_link(&own, &lonely).unwrap();
    let output = Command::new(&lonely).arg("processes").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("cargo build --release --workspace"),
        "{errors}"
    );

    let there = |name: &str| own.with_file_name(name).exists();
    if !there("pleat") || !there("pleat-verify") {
        return;
    }
    let args = ["processes", "--networks", "credit", "--systems", "tree"];
    let output = bench(
        folder.path(),
        &[&args[..], &["--repetitions", "1"]].concat(),
    );
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    let rows = rows::read(&folder.path().join("processes.csv")).unwrap();
    let seen: Vec<_> = rows.iter().map(|r| r.comparison.as_str()).collect();
    let expected = ["prove", "verify", "verify-uncached", "demo"];
    assert_eq!(seen, expected.map(|name| format!("processes-{name}")));
    for row in &rows {
        assert!(row.is_ok(), "{}: {}", row.comparison, row.status);
        assert!(row.cpu.unwrap() > 0.0 && row.wall.unwrap() > 0.0);
        assert!(row.peak_bytes.unwrap() > 1 << 20);
    }
    assert!(rows[0].proof_bytes.unwrap() < 8_200);
    let tables = String::from_utf8(output.stdout).unwrap();
    assert!(
        tables.contains("| `pleat prove` | credit | 1 |"),
        "{tables}"
    );
}

#[test]
fn what_does_not_fit_is_a_row_and_ends_its_series() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (["--timeout", "0.001"], OUT_OF_TIME),
        (["--memory", "0.0001"], OUT_OF_MEMORY),
    ];
    for (limit, status) in cases {
        let rows = folding(
            folder.path(),
            &[&["--depths", "512,513"][..], &limit].concat(),
        );
        let [row] = &rows[..] else {
            unreachable!("{} rows", rows.len())
        };
        assert_eq!((row.depth, row.status.as_str()), (512, status));
        assert_eq!(
            (row.wall, row.proof_bytes, row.macs),
            (None, None, Some(16 * 512))
        );
    }
}

#[test]
fn the_page_shows_the_kept_rows() {
    let rows = |name: &str| {
        let file = repository("bench/results").join(name).with_extension("csv");
        rows::read(&file).unwrap()
    };
    let rows = AllRows {
        folding: rows("folding"),
        growth: rows("growth"),
        models: rows("models"),
        processes: rows("processes"),
        lanes: rows("lanes"),
        large: rows("large"),
        peers: rows("peers"),
    };
    let page = std::fs::read_to_string(repository("docs/benchmarks.md")).unwrap();
    let again = tables::into_page(&page, "the page", &tables::all(&rows)).unwrap();
    assert!(
        page == again,
        "`pleat-bench tables` would change docs/benchmarks.md"
    );
}
