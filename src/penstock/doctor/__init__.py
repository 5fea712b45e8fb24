"""`penstock doctor`: looks at an application, runs it in this process, and says what to mend first."""
