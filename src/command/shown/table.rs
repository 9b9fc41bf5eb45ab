/// A terminal or a mail that nobody made wide.
const WIDTH: usize = 120;

/// Columns under the first row, aligned. Those in `may_shrink` are cut, the first of them first, as far as
/// needed and no shorter than their heading.
pub fn table(rows: &[Vec<String>], may_shrink: &[usize]) -> String {
    let columns = 0..rows.first().map_or(0, Vec::len);
    let length = |row: &Vec<String>, at: usize| row[at].chars().count();
    let widest = |at| rows.iter().map(|row| length(row, at)).max().unwrap_or(0);
    let mut widths: Vec<usize> = columns.map(widest).collect();
    let blanks = |between: usize| between * widths.len().saturating_sub(1);
    let total = |between: usize| widths.iter().sum::<usize>() + blanks(between);
    let between = if total(2) <= WIDTH { 2 } else { 1 };
    let mut over = total(between).saturating_sub(WIDTH);
    for &at in may_shrink {
        let cut = over.min(widths[at] - length(&rows[0], at));
        widths[at] -= cut;
        over -= cut;
    }
    let cell =
        |(text, width): (&String, &usize)| format!("{:<1$}", cut(text, *width), width + between);
    let line = |row: &Vec<String>| {
        let line: String = row.iter().zip(&widths).map(cell).collect();
        line.trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 3]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(str::to_owned).into()).collect()
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_end_of_blanks() {
        let rows = rows(&[["ID", "LABEL", "OK"], ["1", "é", ""], ["22", "nightly", "yes"]]);
        assert_eq!(table(&rows, &[1]), "ID  LABEL    OK\n1   é\n22  nightly  yes\n");
    }

    #[test]
    fn what_is_too_wide_moves_together_and_is_then_cut() {
        let long = |length| "x".repeat(length);
        for (length, between, cut) in
            [(114, 2, 0), (115, 1, 0), (116, 1, 0), (117, 1, 1), (150, 1, 34)]
        {
            let text = table(&rows(&[["A", "B", "C"], ["1", &long(length), "3"]]), &[1]);
            let line = text.lines().nth(1).unwrap();
            let shown = if cut == 0 { long(length) } else { long(length - cut - 1) + "…" };
            let blanks = " ".repeat(between);
            assert_eq!(line, format!("1{blanks}{shown}{blanks}3"), "{length}");
        }
    }

    #[test]
    fn the_second_column_is_cut_when_the_first_is_as_short_as_it_may() {
        let text = table(&rows(&[["LABEL", "IN", "C"], ["label", &"r".repeat(140), "3"]]), &[0, 1]);
        assert_eq!(text.lines().nth(1).unwrap().chars().count(), 120);
    }
}
