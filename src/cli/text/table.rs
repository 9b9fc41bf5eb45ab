//! Tables with aligned columns, made to fit the paper as far as the caller lets columns go or be cut.
//!
//! Where a table is too wide, whole columns go first, if the width of the paper is known; then columns move together by
//! one blank; then cells are cut.

use super::Paper;

/// A terminal or a mail that nobody made wide.
const WIDTH: usize = 120;

/// Rather than cutting a column shorter than this, one is left out.
const CUT_MIN: usize = 8;

/// What becomes of the columns of a table that is too wide.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spare<'a> {
    /// Left out where the paper is narrow, the first of them first: what they say stands elsewhere too.
    pub left_out: &'a [usize],
    /// Cut, the first of them first, as far as needed and no shorter than their heading.
    pub cut: &'a [usize],
    /// The last one is text: it is as long as it is, and may go on in the next line.
    pub ends_in_text: bool,
}

/// Columns under the first row, aligned. Those in `may_shrink` are cut where the table is too wide.
pub fn table(rows: &[Vec<String>], may_shrink: &[usize]) -> String {
    fitted(rows, Spare { cut: may_shrink, ..Spare::default() }, Paper::default())
}

/// The same, as wide as the paper.
pub fn fitted(rows: &[Vec<String>], spare: Spare<'_>, paper: Paper) -> String {
    let width = paper.width.unwrap_or(WIDTH);
    let mut shown: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).collect();
    let text = shown.last().copied().filter(|_| spare.ends_in_text);
    let widest = |at: usize| {
        let counted = rows.iter().filter(|_| Some(at) != text);
        counted.map(|row| length(row, at)).max().unwrap_or(0)
    };
    let least = |at: &usize| match spare.cut.contains(at) {
        true => widest(*at).min(CUT_MIN.max(rows.first().map_or(0, |row| length(row, *at)))),
        false => widest(*at),
    };
    let may_go = spare.left_out.iter().filter(|_| paper.width.is_some());
    for column in may_go {
        let needed: usize = shown.iter().map(least).sum::<usize>() + shown.len().saturating_sub(1);
        if needed > width {
            shown.retain(|at| at != column);
        }
    }
    let mut widths: Vec<usize> = shown.iter().map(|at| widest(*at)).collect();
    let blanks = |between: usize| between * widths.len().saturating_sub(1);
    let total = |between: usize| widths.iter().sum::<usize>() + blanks(between);
    let between = if total(2) <= width { 2 } else { 1 };
    let mut over = total(between).saturating_sub(width);
    for at in spare.cut {
        let Some(place) = shown.iter().position(|it| it == at) else { continue };
        let cut = over.min(widths[place] - length(&rows[0], *at));
        widths[place] -= cut;
        over -= cut;
    }
    let line = |row: &Vec<String>| {
        let cells = shown.iter().zip(&widths);
        let cells = cells.map(|(at, width)| match Some(*at) == text {
            true => row[*at].clone(),
            false => format!("{:<1$}", cut(&row[*at], *width), width + between),
        });
        cells.collect::<String>().trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn length(row: &[String], at: usize) -> usize {
    row[at].chars().count()
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
    #[test]
    fn text_at_the_end_moves_nothing() {
        let text = rows(&[["A", "B", "FOUND"], ["1", "2", &"x".repeat(200)]]);
        let spare = Spare { ends_in_text: true, ..Spare::default() };
        let lines = fitted(&text, spare, Paper::default());
        assert_eq!(lines, format!("A  B  FOUND\n1  2  {}\n", "x".repeat(200)));
    }

    #[test]
    fn on_narrow_paper_columns_are_left_out_and_only_as_many_as_needed() {
        let text = rows(&[["ID", "BEGAN", "IN"], ["1", "2026-11-22", "disk,disk2,s3"]]);
        let spare = Spare { left_out: &[1, 0], cut: &[2], ..Spare::default() };
        let fitted = |width| fitted(&text, spare, Paper { width, colour: false });
        assert_eq!(fitted(Some(29)), "ID  BEGAN       IN\n1   2026-11-22  disk,disk2,s3\n");
        assert_eq!(fitted(Some(22)), "ID BEGAN      IN\n1  2026-11-22 disk,di…\n");
        assert_eq!(fitted(Some(21)), "ID  IN\n1   disk,disk2,s3\n");
        assert_eq!(fitted(None), fitted(Some(120)));
    }
}
