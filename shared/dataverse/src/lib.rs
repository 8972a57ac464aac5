//! A client for the Dataverse Web API: typed queries, batches, exactly-once writes, retries.
