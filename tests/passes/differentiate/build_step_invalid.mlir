// RUN: cleave-opt %s --cleave-build-step --split-input-file --verify-diagnostics

// Something must be trained.
// expected-error@+1 {{requires a function with cleave.entry = "loss", or a finished one with "step"}}
module {}

// -----

// Arguments say what they are.
// expected-error@+1 {{requires cleave.parameter or cleave.input on each argument, got neither on argument 0}}
func.func @loss(%w: tensor<8xf32>) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// Names tell arguments apart.
// expected-error@+1 {{requires arguments of different names, got "w" twice}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}, %x: tensor<8xf32> {cleave.input = "w"})
    -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// The learning rate has its name for itself.
// expected-error@+1 {{requires data inputs with other names than "lr", the learning rate's}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}, %x: tensor<8xf32> {cleave.input = "lr"})
    -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A random key is four words.
// expected-error@+1 {{requires type tensor<4xi32> for the random key "rng", got 'tensor<2xi32>'}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}, %x: tensor<2xi32> {cleave.input = "rng"})
    -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// A loss is one number or two.
// expected-error@+1 {{requires one result (a mean loss) or two (a sum of losses and their number), and metrics behind them, got 3}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> (tensor<f32>, tensor<f32>, tensor<f32>) attributes
    {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0, %0, %0 : tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// It is no vector.
// expected-error@+1 {{requires results of type tensor<f32>, got 'tensor<8xf32>'}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<8xf32> attributes {cleave.entry = "loss"} {
  return %w : tensor<8xf32>
}

// -----

// Integers can't be trained.
// expected-error@+1 {{requires trainable parameters of type f32, got 'tensor<8xi32>' for "w" (cleave.trainable = false freezes it)}}
func.func @loss(%w: tensor<8xi32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.convert %w : (tensor<8xi32>) -> tensor<8xf32>
  %1 = cleave.sum_squares %0 : (tensor<8xf32>) -> tensor<f32>
  return %1 : tensor<f32>
}

// -----

// Nor can they be drawn by chance.
// expected-error@+1 {{requires a constant initializer for parameter "n" of type 'tensor<8xi32>', got #cleave.init<"normal"}}
func.func @loss(%n: tensor<8xi32> {cleave.parameter = "n", cleave.trainable = false}, %w: tensor<8xf32>
    {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.convert %n : (tensor<8xi32>) -> tensor<8xf32>
  %1 = cleave.mul %0, %w : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
  %2 = cleave.sum_squares %1 : (tensor<8xf32>) -> tensor<f32>
  return %2 : tensor<f32>
}

// -----

// A model of which everything is frozen can't be trained.
module attributes {cleave.training = {groups = [{match = "*", trainable = false}]}} {
  // expected-error@+1 {{requires at least one trainable parameter, got none}}
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// A group that matches nothing is a mistake.
module attributes {cleave.training = {groups = [{match = "weight*"}]}} {
  // expected-error@+1 {{requires groups that match a parameter, got "weight*"}}
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// Options are known and in range.
// expected-error@+1 {{requires schedule constant or cosine, got "linear"}}
module attributes {cleave.training = {schedule = "linear"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// An option that nobody knows is named.
// expected-error@+1 {{cleave.training requires known fields, got "learning"}}
module attributes {cleave.training = {learning = 1.0}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// So is one of another type.
// expected-error@+1 {{cleave.training.groups requires another type for "lr", got "fast"}}
module attributes {cleave.training = {groups = [{match = "w", lr = "fast"}]}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// Entries keep their names for themselves.
func.func @step() { return }
// expected-error@+1 {{requires that no other function is named "step"}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0 : tensor<f32>
}

// -----

// An optimizer that is not built in needs updates.
module attributes {cleave.training = {optimizer = "lion"}} {
  // expected-error@+1 {{requires optimizer adamw or sgd, or a function with cleave.entry = "update" for each type of parameter, got optimizer "lion" and none for 'tensor<8xf32>' of "w"}}
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
}

// -----

// Updates are of an optimizer with another name than those built in.
module attributes {cleave.training = {optimizer = "adamw"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  // expected-error@+1 {{requires an optimizer of its own where a module has updates, got "adamw"}}
  func.func @update(%p: tensor<8xf32> {cleave.input = "parameter"})
      -> (tensor<8xf32> {cleave.updates = "parameter"}) attributes {cleave.entry = "update"} {
    return %p : tensor<8xf32>
  }
}

// -----

// Arguments of an update say what they are.
module attributes {cleave.training = {optimizer = "own"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  // expected-error@+1 {{requires cleave.input = "parameter", "gradient", "step", "lr" or "weight_decay", or cleave.state, on each argument of an update, got "loss" on argument 1}}
  func.func @update(%p: tensor<8xf32> {cleave.input = "parameter"}, %l: tensor<f32> {cleave.input = "loss"})
      -> (tensor<8xf32> {cleave.updates = "parameter"}) attributes {cleave.entry = "update"} {
    return %p : tensor<8xf32>
  }
}

// -----

// There is a parameter to update.
module attributes {cleave.training = {optimizer = "own"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  // expected-error@+1 {{requires an argument "parameter" of an f32 tensor in an update}}
  func.func @update(%g: tensor<8xf32> {cleave.input = "gradient"})
      -> (tensor<8xf32> {cleave.updates = "parameter"}) attributes {cleave.entry = "update"} {
    return %g : tensor<8xf32>
  }
}

// -----

// A state has the type of the parameter.
module attributes {cleave.training = {optimizer = "own"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  // expected-error@+1 {{requires type 'tensor<8xf32>' for "m" of an update, got 'tensor<4xf32>'}}
  func.func @update(%p: tensor<8xf32> {cleave.input = "parameter"}, %m: tensor<4xf32> {cleave.state = "m"})
      -> (tensor<8xf32> {cleave.updates = "parameter"}, tensor<4xf32> {cleave.updates = "m"}) attributes {cleave.entry = "update"} {
    return %p, %m : tensor<8xf32>, tensor<4xf32>
  }
}

// -----

// A rate is a scalar.
module attributes {cleave.training = {optimizer = "own"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  // expected-error@+1 {{requires type 'tensor<f32>' for "lr" of an update, got 'tensor<8xf32>'}}
  func.func @update(%p: tensor<8xf32> {cleave.input = "parameter"}, %r: tensor<8xf32> {cleave.input = "lr"})
      -> (tensor<8xf32> {cleave.updates = "parameter"}) attributes {cleave.entry = "update"} {
    return %p : tensor<8xf32>
  }
}

// -----

// Each state has one new value.
module attributes {cleave.training = {optimizer = "own"}} {
  func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"}) -> tensor<f32> attributes {cleave.entry = "loss"} {
    %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  // expected-error@+1 {{requires one result of an update with cleave.updates = "m", got 0}}
  func.func @update(%p: tensor<8xf32> {cleave.input = "parameter"}, %m: tensor<8xf32> {cleave.state = "m"})
      -> (tensor<8xf32> {cleave.updates = "parameter"}, tensor<8xf32> {cleave.updates = "v"}) attributes {cleave.entry = "update"} {
    return %p, %m : tensor<8xf32>, tensor<8xf32>
  }
}

// -----

// Metrics have names of their own.
// expected-error@+1 {{requires metrics of different names, got "accuracy" twice}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"})
    -> (tensor<f32> {cleave.output = "loss"}, tensor<f32> {cleave.output = "metrics.accuracy"},
        tensor<f32> {cleave.output = "metrics.accuracy"}) attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0, %0, %0 : tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// A count belongs to the metric before it.
// expected-error@+1 {{requires the count of a metric right behind it, got that of "accuracy"}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"})
    -> (tensor<f32> {cleave.output = "loss_sum"}, tensor<f32> {cleave.output = "tokens"},
        tensor<f32> {cleave.output = "metrics.accuracy.count"}) attributes {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0, %0, %0 : tensor<f32>, tensor<f32>, tensor<f32>
}

// -----

// Metrics come behind the loss.
// expected-error@+1 {{requires metrics behind the loss and nothing behind them, got result 0}}
func.func @loss(%w: tensor<8xf32> {cleave.parameter = "w"})
    -> (tensor<f32> {cleave.output = "metrics.size"}, tensor<f32> {cleave.output = "loss"}) attributes
        {cleave.entry = "loss"} {
  %0 = cleave.sum_squares %w : (tensor<8xf32>) -> tensor<f32>
  return %0, %0 : tensor<f32>, tensor<f32>
}
