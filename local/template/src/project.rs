//! The files that the program writes, and the changes that they still need.

use std::fmt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use toolkit::Declaration;

use crate::functions::{self, OTHERS};
use crate::parts::{self, Part, PartError};
use crate::{alarms, causes, matrix, permissions, privileges, queries, router, samples, tools};

/// Why the files cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProjectError {
    #[error("{path}: {source}", path = .path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: {source}", path = .path.display())]
    Part { path: PathBuf, source: PartError },
    #[error("{path} has no description", path = .0.display())]
    Undescribed(PathBuf),
}

/// The workspace.
pub(crate) struct Project {
    root: PathBuf,
    tools: Vec<Declaration>,
    operations: Vec<Declaration>,
}

/// A file that differs from the declarations.
#[derive(Debug)]
pub(crate) struct Change {
    root: PathBuf,
    /// The path of the file below the root.
    file: String,
    /// The content that the file should have. `None` if there should be no file.
    text: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.text.is_some() { "wrote" } else { "removed" };
        write!(f, "{verb} {}", self.file)
    }
}

impl Change {
    /// Makes the change.
    pub(crate) fn make(&self) -> Result<(), ProjectError> {
        let path = self.root.join(&self.file);
        let made = match &self.text {
            Some(text) => fs::write(&path, text),
            None => fs::remove_file(&path),
        };
        made.map_err(|source| ProjectError::File { path, source })
    }

    #[cfg(test)]
    pub(crate) fn file(&self) -> &str {
        &self.file
    }
}

fn read(path: &Path) -> Result<String, ProjectError> {
    fs::read_to_string(path).map_err(|source| ProjectError::File { path: path.to_owned(), source })
}

impl Project {
    /// The project in this folder, with the declared operations.
    pub(crate) fn at(root: &Path) -> Project {
        let operations = catalog::declarations();
        let tools = operations.iter().filter(|one| one.definition.is_some()).cloned().collect();
        Project { root: root.to_owned(), tools, operations }
    }

    /// Every function: the groups of tools, and the other functions.
    pub(crate) fn functions(&self) -> Vec<&'static str> {
        functions::groups(&self.tools).into_iter().chain(OTHERS).collect()
    }

    /// The changes that are needed: files to write or to remove.
    pub(crate) fn changes(&self) -> Result<Vec<Change>, ProjectError> {
        let mut changes = Vec::new();
        self.fill("template.yaml", &self.template()?, &mut changes)?;
        self.fill("Cargo.toml", &[router::router(&self.operations)], &mut changes)?;
        self.fill("docs/setting-up.md", &self.guide(), &mut changes)?;
        let tools: Vec<_> = self.tools.iter().filter_map(|tool| tool.definition.as_ref()).collect();
        self.fill("docs/security.md", &[matrix::of_tools(&tools)], &mut changes)?;
        let at_hand = "shared/toolkit/src/contract/at_hand.rs";
        self.fill(at_hand, &[tools::of_tools(&tools)], &mut changes)?;
        self.samples(&mut changes)?;
        Ok(changes)
    }

    fn fill(
        &self,
        file: &str,
        parts: &[Part],
        changes: &mut Vec<Change>,
    ) -> Result<(), ProjectError> {
        let path = self.root.join(file);
        let text = read(&path)?;
        match parts::filled(&text, parts) {
            Ok(filled) if filled == text => {}
            Ok(filled) => changes.push(self.change(file.to_owned(), Some(filled))),
            Err(source) => return Err(ProjectError::Part { path, source }),
        }
        Ok(())
    }

    fn change(&self, file: String, text: Option<String>) -> Change {
        Change { root: self.root.clone(), file, text }
    }

    /// The parts of the template.
    fn template(&self) -> Result<Vec<Part>, ProjectError> {
        let functions = self.functions();
        let mut descriptions = Vec::new();
        for group in functions::groups(&self.tools) {
            descriptions.push((group, self.description(group)?));
        }
        let description = |group: &str| {
            let found = descriptions.iter().find(|(name, _)| *name == group);
            found.map(|(_, description)| description.clone()).unwrap_or_default()
        };
        let events = |group| {
            functions::events(self.operations.iter().filter(|operation| operation.group == group))
        };
        let mut parts = vec![
            functions::of_tools(&self.tools, &self.operations, description),
            Part { name: "events of catalog", text: events("catalog") },
            Part { name: "events of connection", text: events("connection") },
            functions::log_groups(&functions),
            alarms::alarms(&functions),
            queries::queries(&functions),
            permissions::policies(),
            permissions::sealing_key(),
        ];
        parts.extend(functions::skips());
        Ok(parts)
    }

    /// The parts of the guide to setting a connection up.
    fn guide(&self) -> [Part; 3] {
        let tools: Vec<_> = self.tools.iter().filter_map(|tool| tool.definition.as_ref()).collect();
        [privileges::of_tables(&tools), privileges::of_tools(&tools), causes::causes()]
    }

    /// The description in the `Cargo.toml` of a function.
    fn description(&self, function: &str) -> Result<String, ProjectError> {
        let path = self.root.join("functions").join(function).join("Cargo.toml");
        let text = read(&path)?;
        let mut lines = text.lines();
        let description = lines.find_map(|line| line.strip_prefix("description = \""));
        let description = description.and_then(|rest| rest.strip_suffix('"'));
        description.map(str::to_owned).ok_or(ProjectError::Undescribed(path))
    }

    fn samples(&self, changes: &mut Vec<Change>) -> Result<(), ProjectError> {
        let folder = self.root.join("events");
        let mut wanted: Vec<String> = samples::BY_HAND.map(str::to_owned).into();
        for operation in &self.operations {
            let name = samples::file_name(operation);
            let text = samples::event(operation);
            if fs::read_to_string(folder.join(&name)).ok().as_ref() != Some(&text) {
                changes.push(self.change(format!("events/{name}"), Some(text)));
            }
            wanted.push(name);
        }
        let failed = |source| ProjectError::File { path: folder.clone(), source };
        for file in fs::read_dir(&folder).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !wanted.iter().any(|wanted| *wanted == name) {
                changes.push(self.change(format!("events/{name}"), None));
            }
        }
        Ok(())
    }
}
