//! Reports the figures as a table and as JSON.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use crate::Form;

/// One figure.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What it is about.
    group: &'static str,
    /// What was measured.
    name: String,
    value: f64,
    unit: &'static str,
    limit: Option<Limit>,
}

/// The goal of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// Exactly this.
    Exactly(f64),
}

use Limit::{AtLeast, AtMost, Exactly};

impl Limit {
    fn is_met(self, value: f64) -> bool {
        match self {
            AtMost(most) => value <= most,
            AtLeast(least) => value >= least,
            Exactly(count) => value == count,
        }
    }
}

/// All figures of one run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
    /// What the figures depend on, for people who compare them.
    notes: Vec<String>,
}

impl Report {
    /// Adds a figure that has a goal, at least in this form of the benchmark.
    pub(crate) fn judged(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        limit: impl Into<Option<Limit>>,
    ) {
        let limit = limit.into();
        self.figures.push(Figure { group, name: name.into(), value, unit, limit });
    }

    /// Adds a figure that explains others.
    pub(crate) fn shown(
        &mut self,
        group: &'static str,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) {
        self.figures.push(Figure { group, name: name.into(), value, unit, limit: None });
    }

    /// Adds a note on what the figures depend on.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// How many figures miss their goals.
    pub(crate) fn missed(&self) -> usize {
        let judged = self.figures.iter().filter_map(|figure| Some((figure, figure.limit?)));
        judged.filter(|(figure, limit)| !limit.is_met(figure.value)).count()
    }

    /// The figures as a table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        let mut last = "";
        for figure in &self.figures {
            if figure.group != last {
                last = figure.group;
                let _ = writeln!(text, "\n{last}");
            }
            let (limit, met) = match figure.limit {
                Some(limit @ AtMost(most)) => {
                    (format!("≤ {}", number(most)), limit.is_met(figure.value))
                }
                Some(limit @ AtLeast(least)) => {
                    (format!("≥ {}", number(least)), limit.is_met(figure.value))
                }
                Some(limit @ Exactly(count)) => {
                    (format!("= {}", number(count)), limit.is_met(figure.value))
                }
                None => (String::new(), true),
            };
            let _ = writeln!(
                text,
                "  {:58} {:>10} {:9} {:>9}{}",
                figure.name,
                number(figure.value),
                figure.unit,
                limit,
                if met { "" } else { "  MISSED" }
            );
        }
        for note in &self.notes {
            let _ = writeln!(text, "\n{note}");
        }
        text
    }

    /// Writes the figures as JSON.
    pub(crate) fn write(&self, file: &Path, form: Form, parts: &[&str]) -> std::io::Result<()> {
        let figures: Vec<Value> = self
            .figures
            .iter()
            .map(|figure| {
                let limit = match figure.limit {
                    Some(AtMost(most)) => json!({"at_most": most}),
                    Some(AtLeast(least)) => json!({"at_least": least}),
                    Some(Exactly(count)) => json!({"exactly": count}),
                    None => Value::Null,
                };
                json!({
                    "group": figure.group, "name": figure.name, "value": figure.value,
                    "unit": figure.unit, "limit": limit,
                    "met": figure.limit.map(|limit| limit.is_met(figure.value)),
                })
            })
            .collect();
        let text = format!(
            "{:#}\n",
            json!({
                "form": form.choose("full", "quick"), "parts": parts,
                "figures": figures, "notes": self.notes,
            })
        );
        std::fs::write(file, text)
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
