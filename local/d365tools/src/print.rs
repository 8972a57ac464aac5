//! What the person who started the program reads.

#[expect(clippy::print_stdout, reason = "the person who started the program reads this")]
pub(crate) fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the person who started the program reads this")]
pub(crate) fn eprint(text: &str) {
    eprintln!("{text}");
}

/// Prints a table: its columns are as wide as their widest cell. The last cell of a row may be as
/// long as it likes.
pub(crate) fn table(rows: &[Vec<String>]) {
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 < row.len() {
                let width = width(column).unwrap_or_default() + 2;
                line.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
            }
        }
        print(line.trim_end());
    }
}
