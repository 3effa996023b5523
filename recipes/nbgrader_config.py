"""For a JupyterHub with nbgrader: hand out and collect with it, grade with `grader`.

In the folder of the nbgrader course, a copy of this file, and for each lab::

    mkdir -p source/07 && cp COURSE/solutions/07_initialization.ipynb source/07/
    nbgrader generate_assignment 07
    nbgrader release_assignment 07     # students fetch, answer, submit
    nbgrader collect 07
    cd COURSE && python -m grader grade 07_initialization NBGRADER/submitted -o out
"""

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "training-neural-networks"
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
c.ClearSolutions.begin_solution_delimeter = "BEGIN SOLUTION"
c.ClearSolutions.end_solution_delimeter = "END SOLUTION"
