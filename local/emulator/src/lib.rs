//! Dataverse, Entra ID and a little of Microsoft Graph, in memory and strict.
