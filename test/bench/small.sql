SELECT workflow.start('at_once_function', at => now());
