"""Makes and checks the FieldOps data: task sets and logs from the sources beside this folder."""
