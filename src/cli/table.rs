//! Rows as a table for people, or as CSV for programs.

/// Columns as wide as their widest cell, numbers to the right.
pub fn table(header: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let columns = header.len();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at)).chain([&header[at]]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let numeric = |at: usize| {
        let mut cells = rows.iter().filter_map(|row| row.get(at));
        !rows.is_empty() && cells.all(|cell| cell.is_empty() || cell.parse::<f64>().is_ok())
    };
    let shape: Vec<(usize, bool)> = (0..columns).map(|at| (width(at), numeric(at))).collect();
    let line = |cells: &[String]| {
        let padded = shape.iter().zip(cells).map(|((width, numeric), cell)| match numeric {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = shape.iter().map(|(width, _)| "-".repeat(*width)).collect::<Vec<_>>().join("  ");
    [line(header), rule].into_iter().chain(rows.iter().map(|row| line(row))).collect()
}

/// RFC 4180, without the carriage returns.
pub fn csv(header: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let cell = |cell: &String| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    let line = |cells: &[String]| cells.iter().map(cell).collect::<Vec<_>>().join(",");
    [line(header)].into_iter().chain(rows.iter().map(|row| line(row))).collect()
}
