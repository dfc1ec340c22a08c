CREATE EXTENSION workflow;
CREATE ROLE clerk LOGIN;
GRANT workflow_user TO clerk;
SET ROLE clerk;
SELECT workflow.define('{"id": "leave", "initial": "asked", "states": {"asked": {"on": {"approve": "granted"}},
    "granted": {"after": {"1 second": "over"}}, "over": {"type": "final"}}}');
SELECT workflow.start('leave', key => 'ann') AS process \gset
SELECT taken, states FROM workflow.send(:'process', 'approve');
CALL workflow.await(:'process');
SELECT status, states FROM workflow.get(:'process');
