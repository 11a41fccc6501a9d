"""Which tests are slow, beside those that carry the mark themselves: `make test-fast` leaves them out."""

import contextlib
import os

import pytest

from dsonas.base import cache
from dsonas.base.errors import UserError

with contextlib.suppress(UserError):  # where no such folder can be made, the operator's tests are skipped
    os.environ.setdefault('DSONAS_NATIVE', cache.folder())  # compiled once, for all caches that tests make

# (file, test functions, or () for all of the file): those that take more than about three seconds of a core, all cases together.
# Together the others are to take about two minutes.
SLOW = (
    (
        'test_docs.py',
        (
            'test_python_runs',
            'test_an_operation_is_searched_with_and_costs_what_the_network_has',
            'test_a_data_set_is_one_file',
            'test_a_callback_ends_a_retraining',
        ),
    ),
    ('test_plugins.py', ('test_a_run_with_a_plugin_from_search_to_export',)),
    ('test_commands.py', ('test_every_command_of_a_recipe_is_accepted',)),
    ('test_console.py', ('test_a_command_is_its_script', 'test_other_commands_work_without_mxnet')),
    ('test_golden.py', ()),
    ('test_single_precision.py', ()),
    ('test_budget.py', ('test_close_below_the_budget',)),
    ('test_kernels.py', ('test_gradients_in_single_precision_are_those_in_double',)),
    ('test_digits.py', ('test_two_processes_at_once',)),
    ('test_gradient_sums.py', ('test_a_process_that_would_add_up_wrongly_is_refused',)),
    ('test_network.py', ('test_equals_the_network_written_from_eq_1',)),
    ('test_supernet.py', ('test_equals_the_network_written_edge_by_edge',)),
    ('test_steps.py', ()),
    ('test_fusing.py', ()),
    ('test_native.py', ()),
    ('test_lasso.py', ()),
    ('test_bench_data.py', ()),
    ('test_bench_latency.py', ()),
    ('test_bench_step.py', ()),
    ('test_damage.py', ()),
    ('test_export.py', ('test_onnx', 'test_without_onnxruntime')),
    ('test_predict.py', ('test_as_a_command',)),
    ('test_prepare_imagenet.py', ('test_as_a_command_with_processes',)),
    ('test_recipe.py', ('test_settings_of_any_type_are_compared',)),
    ('test_report.py', ()),
    ('test_whole_way.py', ()),
    ('test_bn_statistics.py', ('test_a_search_goes_the_same_way_whether_it_is_tested_or_not',)),
    (
        'test_callbacks.py',
        (
            'test_a_callback_changes_no_number_and_resumes',
            'test_a_stage_ends_early_with_its_test_and_stays_ended',
            'test_calls_come_in_order',
        ),
    ),
    (
        'test_cli.py',
        (
            'test_a_run_is_not_overwritten_and_two_do_not_meet',
            'test_a_search_does_not_go_on_under_its_retraining',
            'test_evaluate',
            'test_retraining_and_baselines',
            'test_transfer_to_another_network',
        ),
    ),
    (
        'test_conditions.py',
        (
            'test_old_and_damaged_environments_are_silent',
            'test_threads_are_those_that_mxnet_uses',
            'test_other_conditions_are_named',
        ),
    ),
    ('test_fit.py', ()),
    ('test_calling.py', ()),
    ('test_devices.py', ('test_two_devices_train_a_run', 'test_resumes_on_another_number_of_devices')),
    ('test_distributed.py', ()),
    (
        'test_options_devices.py',
        (
            'test_two_workers_average_and_mix_as_one_process_with_their_shares',
            'test_workers_with_all_options_go_on_as_if_they_had_not_stopped',
        ),
    ),
    ('test_float64.py', ('test_a_network_with_everything_trains', 'test_training_goes_on_from_a_checkpoint')),
    ('test_old_runs.py', ('test_a_retraining_goes_on',)),
    ('test_pruning.py', ('test_variants', 'test_a_search_that_removes_everything_goes_on')),
    ('test_random_prunings.py', ()),
    ('test_resume.py', ()),
    ('test_shown.py', ()),
    ('test_starting.py', ()),
    ('test_options.py', ()),
    ('test_progress.py', ()),
    ('test_training.py', ('test_bad_numbers_stop_the_run',)),
)


def is_slow(file, function):
    """Whether SLOW names a test function, or its whole file."""
    return any(file == name and (not functions or function in functions) for name, functions in SLOW)


def pytest_collection_modifyitems(items):
    for item in items:
        if is_slow(item.path.name, getattr(item, 'originalname', item.name)):
            item.add_marker(pytest.mark.slow)
