//! One table: rows of values, each with a target and whether it is met.

use std::fmt::{Display, Formatter, Result};

#[derive(Debug)]
pub struct Rows {
    /// The columns before target and verdict, separated by bars.
    head: String,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    name: String,
    values: String,
    target: String,
    met: Option<bool>,
}

impl Rows {
    pub fn new(head: &str) -> Self {
        Rows { head: head.to_owned(), rows: Vec::new() }
    }

    /// A figure without a target. `values` are the columns after the name.
    pub fn open(&mut self, name: &str, values: String) {
        self.rows.push(Row { name: name.to_owned(), values, target: String::new(), met: None });
    }

    pub fn judged(&mut self, name: &str, values: String, target: &str, met: bool) {
        self.rows.push(Row { name: name.to_owned(), values, target: target.to_owned(), met: Some(met) });
    }

    /// What was measured must not be above the limit.
    pub fn at_most(&mut self, name: &str, values: String, (measured, limit): (f64, f64), unit: &str) {
        self.judged(name, values, &format!("<= {limit} {unit}"), measured <= limit);
    }

    /// What was measured must not be below the limit.
    pub fn at_least(&mut self, name: &str, values: String, (measured, limit): (f64, f64)) {
        self.judged(name, values, &format!(">= {limit}"), measured >= limit);
    }

    pub fn met(&self) -> usize {
        self.rows.iter().filter(|row| row.met == Some(true)).count()
    }

    pub fn missed(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|row| row.met == Some(false)).map(|row| row.name.as_str())
    }
}

impl Display for Rows {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let columns = self.head.split('|').count() + 2;
        writeln!(f, "| {} | target | |", self.head)?;
        writeln!(f, "|{}", "---|".repeat(columns))?;
        for row in &self.rows {
            let verdict = match row.met {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            writeln!(f, "| {} | {} | {} | {verdict} |", row.name, row.values, row.target)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_whether_its_target_is_met_and_the_missed_ones_are_named() {
        let mut rows = Rows::new("figure | value");
        rows.open("free", "1".to_owned());
        rows.at_most("low", "2".to_owned(), (2.0, 2.0), "s");
        rows.at_most("high", "3".to_owned(), (3.0, 2.0), "s");
        rows.at_least("slow", "0.6".to_owned(), (0.6, 0.7));
        assert_eq!(rows.met(), 1);
        assert_eq!(rows.missed().collect::<Vec<_>>(), ["high", "slow"]);
        let text = rows.to_string();
        assert!(
            text.contains("| high | 3 | <= 2 s | MISSED |") && text.contains("| low | 2 | <= 2 s | met |"),
            "{text}"
        );
        assert!(text.starts_with("| figure | value | target | |\n|---|---|---|---|\n"), "{text}");
    }

    #[test]
    fn what_is_no_number_misses_its_target() {
        let mut rows = Rows::new("figure | value");
        rows.at_most("ratio to nothing", String::new(), (f64::NAN, 1.0), "x");
        assert_eq!(rows.missed().count(), 1);
    }
}
