//! Sets connections up, inspects and tests them; the fields of the sidebar; the activity log.
//!
//! A connection's credentials are stored only when they have been seen to work. What is wrong with
//! others is said in one cause, with the step of the set-up that mends it.

mod activity;
mod availability;
mod available;
mod columns;
mod list;
mod look;
mod parameters;
mod remove;
mod route;
mod set_up;
mod sidebar;
mod sidebar_fields;
mod table;
mod view;

use auth::{ConnectionId, Connections};
use state::State;
use toolkit::{Call, Caller, Definition, Handler, Incoming, PATIENCE, Reply, ToolError};

use crate::route::Route;

/// Looks after connections.
pub struct Administration {
    connections: Connections,
    state: State,
    tools: Vec<Definition>,
}

/// A request that may be carried out.
pub(crate) struct Request<'a> {
    administration: &'a Administration,
    incoming: Incoming,
    caller: Caller,
    call: &'a mut Call,
}

impl Administration {
    /// Looks after these connections, and remembers what is to be remembered there.
    pub fn new(connections: Connections, state: State) -> Administration {
        let tools = catalog::definitions();
        Administration { connections, state, tools }
    }
}

impl Handler for Administration {
    async fn handle(
        &self,
        incoming: Incoming,
        caller: Caller,
        call: &mut Call,
    ) -> Result<Reply, ToolError> {
        let route = Route::of(&incoming)?;
        call.tool = Some(route.name().to_owned());
        call.writes = route.writes();
        caller.authorize_scope(route.scope())?;
        if let Some(id) = route.connection() {
            caller.authorize_connection(id)?;
            call.connection = Some(id.clone());
        }
        let request = Request { administration: self, incoming, caller, call };
        match route {
            Route::List => list::list(request).await,
            Route::SetUp(id) => set_up::set_up(request, id).await,
            Route::Look(id) => look::look(request, id).await,
            Route::Test(id) => look::test(request, id).await,
            Route::Remove(id) => remove::remove(request, id).await,
            Route::SidebarFields(id) => sidebar_fields::show(request, id).await,
            Route::ChooseSidebarFields(id) => sidebar_fields::choose(request, id).await,
            Route::AvailableFields(id) => available::available(request, id).await,
            Route::Sidebar(id) => sidebar::sidebar(request, id).await,
            Route::Activity(id) => activity::activity(request, id).await,
        }
    }
}

impl Request<'_> {
    fn state(&self) -> &State {
        &self.administration.state
    }

    fn connections(&self) -> &Connections {
        &self.administration.connections
    }

    /// The way to the connection's environment.
    async fn session(&mut self, id: &ConnectionId) -> Result<dataverse::Session, ToolError> {
        let connection = self.connections().open(id).await?;
        let session = connection.client().session(self.incoming.deadline).with_patience(PATIENCE);
        self.call.session = Some(session.clone());
        Ok(session)
    }
}
