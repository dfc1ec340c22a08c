-- What states invoke for each element of a list.

-- An element of the list of an invoke with "map", while its state is active. Rows belong
-- to whoever holds the process row.
CREATE TABLE workflow.element (
    process uuid NOT NULL,
    invoke  text COLLATE "C" NOT NULL,  -- its id
    number  int NOT NULL,               -- from 0 on; -1: what all of them have
    state   smallint NOT NULL,          -- 0 not begun, 1 under way, 2 done, 3 failed
    child   uuid,                       -- the process or the run that is or was at it
    data    jsonb,                      -- the element; its output or error when it has ended
    PRIMARY KEY (process, invoke, number)
);
CREATE UNIQUE INDEX element_child ON workflow.element (child) WHERE child IS NOT NULL;
