//! Every tool of every function, for those who tell of tools or call them all.

use std::sync::LazyLock;

use toolkit::{Collect, Declaration, Definition, Tools};

/// Every tool of every function.
pub fn all<C: Collect<Tools>>(tools: C) -> C {
    visitor_function::tools(confirmable(tools))
}

pub use visitor_function::confirmable;

/// Every tool, and what the platform calls besides.
pub fn operations<C: Collect<Tools>>(operations: C) -> C {
    visitor_function::operations(all(operations))
}

/// What the platform calls besides tools, for those who call none.
pub fn others() -> Vec<Declaration> {
    visitor_function::operations(Vec::new())
}

/// What the world may know of every tool, for those who call none.
pub fn definitions() -> Vec<Definition> {
    declarations().into_iter().filter_map(|declaration| declaration.definition).collect()
}

/// Every tool's operation, for those who call none.
pub fn declarations() -> Vec<Declaration> {
    // Their schemas are made once in a process.
    static ALL: LazyLock<Vec<Declaration>> = LazyLock::new(|| all(Vec::new()));
    ALL.clone()
}

#[cfg(test)]
mod tests {
    use auth::Privileges;
    use toolkit::Needs;

    #[test]
    fn the_privileges_of_all_tools_are_known() {
        let definitions = super::definitions();
        let needs = Needs::of(&definitions);
        let all = || definitions.iter().flat_map(|tool| tool.all_privileges());
        assert!(needs.missing(&all().collect()).is_empty());
        let some: Privileges = all().filter(|name| *name != "prvReadIncident").collect();
        assert_eq!(needs.missing(&some), ["prvReadIncident"]);
        assert!(needs.tools("prvReadIncident").any(|tool| tool == "dynamics365_get_case"));
        assert_eq!(needs.tools("prvNone").count(), 0);
    }
}
