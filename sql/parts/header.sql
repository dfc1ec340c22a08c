\echo Use "CREATE EXTENSION workflow" to load this file. \quit

-- Whoever runs CREATE EXTENSION may have any search_path: every name below is
-- either qualified or made in schema workflow.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- A member of the extension, and never one that somebody else prepared: where
-- a schema of this name exists, this fails.
CREATE SCHEMA workflow;

