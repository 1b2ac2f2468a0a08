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
    let output = bench(results, &[&fixed, args].concat());
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
    // Kept when asked, else replaced.
    assert_eq!(folding(results, &["--depths", "1", "--append"]).len(), 5);
    assert_eq!(folding(results, &["--depths", "1", "--quiet"]).len(), 1);

    assert!(bench(results, &["plot"]).status.success());
    assert!(results.join("folding-dense-4.svg").exists());
    assert!(results.join("folding-dense-4.png").exists());
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
            .contains("### dense 4")
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
        peers: rows("peers"),
    };
    let page = std::fs::read_to_string(repository("docs/benchmarks.md")).unwrap();
    let again = tables::into_page(&page, "the page", &tables::all(&rows)).unwrap();
    assert!(
        page == again,
        "`pleat-bench tables` would change docs/benchmarks.md"
    );
}
