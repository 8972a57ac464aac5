//! Postal addresses in one line.

use dataverse::Record;

/// The columns that [`of`] reads.
pub const COLUMNS: [&str; 7] = [
    "address1_composite",
    "address1_line1",
    "address1_line2",
    "address1_postalcode",
    "address1_city",
    "address1_stateorprovince",
    "address1_country",
];

/// The address in one line: the composed address, or else the parts joined.
pub fn of(record: &Record) -> Option<String> {
    let [composite, parts @ ..] = COLUMNS;
    if let Some(composed) = record.text(composite) {
        let lines = composed.lines().map(str::trim).filter(|line| !line.is_empty());
        return Some(lines.collect::<Vec<_>>().join(", "));
    }
    let parts: Vec<_> = parts.iter().filter_map(|column| record.text(column)).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
